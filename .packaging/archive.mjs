// Archives with nothing of the machine in them: same input, same bytes. tar (ustar) and ar, written by hand, so that
// packages can be made wherever Node runs.

import { gzipSync } from 'node:zlib';

const BLOCK = 512;

/** @typedef {{ path: string, data?: Uint8Array | string, mode?: number, link?: string, owner?: number }} Entry  Without data or link: a directory. */

/**
 * With `paxOf`, an entry is preceded by the attributes it gets: "name=value". `isOpen`: without the blocks that end an archive.
 * @param {readonly Entry[]} entries @param {number} time seconds since 1970
 */
export function tar(entries, time, { prefix = './', isOpen = false, paxOf = () => undefined } = {}) {
  const parts = [];
  const add = (entry, data) =>
    parts.push(header(entry, data.length, time, prefix), data, Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK));
  for (const entry of [...withParents(entries)].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    const data = entry.data === undefined ? Buffer.alloc(0) : Buffer.from(entry.data);
    const attribute = paxOf(entry, data);
    if (attribute !== undefined) add({ path: 'PaxHeader', data: '', kind: 'x' }, paxRecord(attribute));
    add(entry, data);
  }
  return Buffer.concat(isOpen ? parts : [...parts, Buffer.alloc(2 * BLOCK)]);
}

/** The length at its head counts its own digits as well. */
function paxRecord(attribute) {
  const rest = attribute.length + 2;
  const digits = String(rest + String(rest).length).length;
  return Buffer.from(`${rest + digits} ${attribute}\n`);
}

/** Packagers of both kinds want each directory to be listed. */
function* withParents(entries) {
  const seen = new Set();
  for (const entry of entries) {
    const steps = entry.path.split('/').slice(0, -1);
    for (let depth = 1; depth <= steps.length; depth += 1) {
      const path = steps.slice(0, depth).join('/');
      if (!seen.has(path)) yield { path };
      seen.add(path);
    }
    if (!seen.has(entry.path)) yield entry;
    seen.add(entry.path);
  }
}

function header(entry, size, time, prefix) {
  const isDirectory = entry.data === undefined && entry.link === undefined;
  const name = `${prefix}${entry.path}${isDirectory && entry.path !== '' ? '/' : ''}`;
  if (Buffer.byteLength(name) > 100) throw new Error(`the path is too long for ustar: ${name}`);
  const block = Buffer.alloc(BLOCK);
  const octal = (value, at, width) => block.write(value.toString(8).padStart(width - 1, '0'), at, 'latin1');
  block.write(name, 0);
  octal(entry.mode ?? (isDirectory ? 0o755 : entry.link === undefined ? 0o644 : 0o777), 100, 8);
  octal(entry.owner ?? 0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(time, 136, 12);
  block.write('        ', 148);
  block.write(entry.kind ?? (isDirectory ? '5' : entry.link === undefined ? '0' : '2'), 156);
  if (entry.link !== undefined) block.write(entry.link, 157);
  block.write('ustar\0', 257, 'latin1');
  block.write('00', 263);
  if (entry.owner === undefined) block.write('root', 265);
  block.write('root', 297);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** The header holds no time and no name; the byte that names the operating system is set to "unknown". */
export function gzip(data, level = 9) {
  const packed = gzipSync(data, { level });
  packed[9] = 255;
  return packed;
}

/** @param {readonly { name: string, data: Uint8Array | string }[]} members */
export function ar(members, time) {
  const parts = [Buffer.from('!<arch>\n')];
  for (const { name, data } of members) {
    const bytes = Buffer.from(data);
    const head = [
      name.padEnd(16),
      String(time).padEnd(12),
      '0     ',
      '0     ',
      '100644  ',
      String(bytes.length).padEnd(10),
      '`\n',
    ];
    parts.push(Buffer.from(head.join('')), bytes, Buffer.from(bytes.length % 2 === 0 ? '' : '\n'));
  }
  return Buffer.concat(parts);
}

/** What a tar archive holds, with long names as GNU tar and pax write them. `kind` is tar's own letter. */
export function* entriesOf(archive) {
  let long = {};
  for (let head = 0; head + BLOCK <= archive.length && archive[head] !== 0; ) {
    const text = (from, width) => untilZero(archive.subarray(head + from, head + from + width));
    const size = Number.parseInt(text(124, 12), 8) || 0;
    const kind = text(156, 1);
    const data = archive.subarray(head + BLOCK, head + BLOCK + size);
    if (kind === 'L') long.path = untilZero(data);
    else if (kind === 'K') long.link = untilZero(data);
    else if (kind === 'x') long.path = /(?:^|\n)\d+ path=([^\n]*)\n/.exec(data.toString())?.[1] ?? long.path;
    else if (kind !== 'g') {
      const prefix = text(345, 155);
      const path = long.path ?? (prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`);
      yield { path, kind, mode: Number.parseInt(text(100, 8), 8), link: long.link ?? text(157, 100), data };
      long = {};
    }
    head += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
}

const untilZero = (bytes) => bytes.toString().replace(/\0.*/s, '');
