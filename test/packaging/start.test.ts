import { type ExecFileSyncOptions, execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const packaging = new URL('../../.packaging/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, packaging), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'igd2pcp-start-'));
afterAll(() => rmSync(folder, { recursive: true }));

const MEMORY_FLAGS = ['--max-semi-space-size=2', '--max-old-space-size=192'];

describe('the command', () => {
  /** The launcher with a node of its own, which only tells how it was called. */
  const place = join(folder, 'lib');
  const command = join(folder, 'igd2pcp');
  mkdirSync(place);
  writeFileSync(
    join(place, 'node'),
    '#!/bin/sh\necho "$@"; echo "$MALLOC_ARENA_MAX $MALLOC_TRIM_THRESHOLD_$NODE_EXTRA_CA_CERTS"; sh -c "exit 3"\n',
    { mode: 0o755 },
  );
  writeFileSync(command, read('igd2pcp.sh').replaceAll('/usr/lib/igd2pcp', place), { mode: 0o755 });
  const call = (args: readonly string[], env: Record<string, string> = {}) => {
    const text = `"$@"; echo "exit $?"`;
    const options = { encoding: 'utf8', env: { PATH: process.env['PATH'] ?? '', ...env } } as const;
    return execFileSync('/bin/sh', ['-c', text, 'sh', command, ...args], options)
      .trim()
      .split('\n');
  };

  it('starts Node.js with little memory, and becomes it', () => {
    expect(call(['run', '--lan', 'a b'])).toEqual([
      [...MEMORY_FLAGS, join(place, 'start.cjs'), 'run', '--lan', 'a b'].join(' '),
      '1 131072',
      'exit 3',
    ]);
  });

  it('leaves the allocator as the operator set it', () => {
    expect(call(['run'], { MALLOC_ARENA_MAX: '4', MALLOC_TRIM_THRESHOLD_: '9' })[1]).toBe('4 9');
  });

  it('lets Node.js read no certificates', () => {
    expect(call(['run'], { NODE_EXTRA_CA_CERTS: '/etc/ssl/site.crt' })[1]).toBe('1 131072');
  });

  it('tells a supervisor that needs Node.js itself how to start it', () => {
    expect(read('igd2pcp.sh')).toContain('echo "$node $flags $program"');
    expect(read('openwrt/igd2pcp.init')).toContain('$(/usr/bin/igd2pcp --print-command) run');
  });

  it('reads the configuration that OpenWrt made, in every command', () => {
    const made = join(place, 'made.toml');
    writeFileSync(made, '');
    const launcher = read('igd2pcp.sh')
      .replaceAll('/var/etc/igd2pcp.toml', made)
      .replace(/exec .*/, 'echo "$IGD2PCP_CONFIG"; exit');
    const asked = (env: Record<string, string>): string =>
      execFileSync('sh', ['-c', launcher.replace(/for node in .*; do/, 'for node in /bin/sh; do')], {
        encoding: 'utf8',
        env,
      });
    expect(asked({ PATH: process.env['PATH'] ?? '' })).toBe(`${made}\n`);
    expect(asked({ PATH: process.env['PATH'] ?? '', IGD2PCP_CONFIG: '/etc/other.toml' })).toBe('/etc/other.toml\n');
  });

  it('is what every supervisor starts, so that the flags stand in one place', () => {
    expect(read('debian/igd2pcp.service')).toMatch(/^ExecStart=\/usr\/bin\/igd2pcp run /m);
    expect(read('openwrt/igd2pcp.init')).toMatch(/^\t+procd_set_param command \/usr\/bin\/igd2pcp run /m);
    expect(read('oci/Dockerfile')).toMatch(/^ENTRYPOINT \["igd2pcp"\]$/m);
    expect(read('oci/Dockerfile')).toMatch(/^COPY igd2pcp \/usr\/bin\/igd2pcp$/m);
    for (const text of [read('debian/igd2pcp.service'), read('openwrt/igd2pcp.init'), read('oci/Dockerfile')]) {
      expect(text).not.toMatch(/-space-size/);
    }
  });

  it('is measured by the bench as it is shipped', () => {
    const bench = readFileSync(new URL('../bench/parts/igd2pcp.mjs', import.meta.url), 'utf8');
    expect(bench).toContain(`'${MEMORY_FLAGS.join(' ')}'`);
    expect(bench).toContain('.packaging/start.cjs');
    expect(bench).toContain('{ NODE_EXTRA_CA_CERTS: _unset, ...environment } = process.env');
    expect(bench).toContain("MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072'");
  });
});

/** A program that says one word. V8 compares no more of a source than its length: words of one length can be confused. */
function installed(word: string) {
  const place = mkdtempSync(join(folder, 'program-'));
  const program = join(place, 'igd2pcp.cjs');
  const compiled = join(place, 'igd2pcp.compiled');
  copyFileSync(new URL('start.cjs', packaging), join(place, 'start.cjs'));
  const say = (now: string): void => writeFileSync(program, `#!/usr/bin/env node\n${body(now)}\n`);
  say(word);
  const run = (args: readonly string[] = [], env: Record<string, string> = {}) => {
    const options: ExecFileSyncOptions = { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] };
    return String(execFileSync(process.execPath, [join(place, 'start.cjs'), ...args], options)).trim();
  };
  return {
    place,
    program,
    compiled,
    say,
    run,
    compile: () => run([], { IGD2PCP_COMPILE: '1' }),
    /** The program as an upgrade would leave it if the compiled form of the old one were taken for the new one's. */
    confuse: (other: string): void => {
      say(other);
      // The file system's clock ticks slower than we write.
      while (statSync(compiled).ctimeMs <= statSync(program).ctimeMs) chmodSync(compiled, 0o644);
    },
  };
}

const body = (word: string): string =>
  `const { basename } = require('node:path'); process.exitCode = 0;
console.log('${word}', basename(__filename), typeof module.exports, ...process.argv.slice(2));`;

describe('the start from a compiled form', () => {
  it('hands the program what Node.js would, with or without one', () => {
    const app = installed('one');
    expect(app.run(['a', 'b'])).toBe('one igd2pcp.cjs object a b');
    expect(existsSync(app.compiled)).toBe(false);
    expect(app.compile()).toBe('one igd2pcp.cjs object');
    expect(statSync(app.compiled).mode & 0o777).toBe(0o644);
    expect(app.run(['a', 'b'])).toBe('one igd2pcp.cjs object a b');
  });

  it('gives V8 no switch it does not know', () => {
    const app = installed('one');
    const said = spawnSync(process.execPath, [join(app.place, 'start.cjs')], { encoding: 'utf8' });
    expect([said.status, said.stderr]).toEqual([0, '']);
    // Those that come later, when a test has ended, too.
    const [version = ''] = process.versions.v8.split('.');
    const known = String(execFileSync(process.execPath, ['--v8-options']));
    const text = read('start.cjs');
    const rows = [...text.matchAll(/^ +(\d+): \[(.*)\],$/gm)].filter(([, versionOfRow]) => versionOfRow === version);
    const switches = rows.flatMap(([, , row = '']) => [...row.matchAll(/'(--[\w-]+)/g)].map(([, name = '']) => name));
    expect(switches).not.toEqual([]);
    expect(switches.filter((name) => !known.includes(`  ${name.replace('--no-', '--')} `))).toEqual([]);
  });

  it('keeps the numbers of the lines in what a bug leaves behind', () => {
    const app = installed('one');
    writeFileSync(app.program, '#!/usr/bin/env node\n\nthrow new Error("a bug");\n');
    expect(() => app.run()).toThrow(/igd2pcp\.cjs:3/);
  });

  it('is really taken', () => {
    const app = installed('one');
    app.compile();
    app.confuse('two');
    expect(app.run()).toMatch(/^one /);
  });

  it('is not taken from before the program: V8 would not see the difference', () => {
    const app = installed('one');
    app.compile();
    app.say('two');
    expect(app.run()).toMatch(/^two /);
  });

  it('is not taken when others could have written it', () => {
    const app = installed('one');
    app.compile();
    app.confuse('two');
    chmodSync(app.compiled, 0o666);
    expect(app.run()).toMatch(/^two /);
    chmodSync(app.compiled, 0o620);
    expect(app.run()).toMatch(/^two /);
  });

  it('is not taken from a directory where others may put one', () => {
    const app = installed('one');
    app.compile();
    app.confuse('two');
    chmodSync(app.place, 0o777);
    expect(app.run()).toMatch(/^two /);
  });

  it.runIf(process.getuid?.() === 0)('is not taken from a stranger', () => {
    const app = installed('one');
    app.compile();
    app.confuse('two');
    chownSync(app.compiled, 4321, 4321);
    expect(app.run()).toMatch(/^two /);
  });

  it('is refused by V8 when it is not what V8 wrote', () => {
    const app = installed('one');
    app.compile();
    app.confuse('two');
    writeFileSync(app.compiled, 'damaged');
    expect(app.run()).toMatch(/^two /);
  });

  it.runIf(process.getuid?.() !== 0)('is done without where it cannot be written', () => {
    const app = installed('one');
    chmodSync(app.place, 0o555);
    expect(app.compile()).toMatch(/^one /);
    chmodSync(app.place, 0o755);
  });
});
