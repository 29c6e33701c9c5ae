// OpenWrt's scripts under its own kind of shell, with stand-ins for its functions (openwrt-functions.sh).

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { manualOf } from '../../src/cli/help-text.ts';
import { optionTableToml } from '../../src/cli/manual.ts';

export const packaging = new URL('../../.packaging/', import.meta.url);
const { keysOf }: { keysOf: (toml: string) => string } = await import(new URL('openwrt/package.mjs', packaging).href);

export const functions = new URL('openwrt-functions.sh', import.meta.url).pathname;
export const folder = mkdtempSync(join(tmpdir(), 'igd2pcp-openwrt-'));
afterAll(() => rmSync(folder, { recursive: true }));

// OpenWrt's shell is busybox ash; where it is not installed, dash is its nearest relative.
const SHELL = existsSync('/usr/bin/busybox') ? ['/usr/bin/busybox', 'ash'] : ['/bin/sh'];

export const script = (name: string): string => readFileSync(new URL(name, packaging), 'utf8');

export function run(text: string, env: Record<string, string> = {}, args: readonly string[] = []): string {
  const [program = '', ...rest] = SHELL;
  const full = { PATH: process.env['PATH'] ?? '', UCI_DIR: folder, IGD2PCP_DHCP: join(folder, 'dhcp'), ...env };
  return execFileSync(program, [...rest, '-c', text, 'test', ...args], { encoding: 'utf8', env: full, stdio: 'pipe' });
}

export const converter = script('openwrt/uci-to-toml.sh').replace('@KEYS@', keysOf(optionTableToml(manualOf('1.2.3'))));
