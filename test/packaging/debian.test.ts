import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config/config-reader.ts';

interface Entry {
  readonly path: string;
  readonly data?: string;
  readonly mode?: number;
  readonly link?: string;
}

interface Archive {
  readonly tar: (entries: readonly Entry[], time: number) => Buffer;
  readonly ar: (members: readonly { name: string; data: string }[], time: number) => Buffer;
  readonly gzip: (data: string) => Buffer;
  readonly entriesOf: (archive: Buffer) => Iterable<{ path: string; mode: number; link: string; data: Buffer }>;
}

const packaging = new URL('../../.packaging/', import.meta.url);
const archive: Archive = await import(new URL('archive.mjs', packaging).href);
const read = (name: string): string => readFileSync(new URL(name, packaging), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'igd2pcp-debian-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('the archives', () => {
  const entries = [
    { path: 'usr/bin/program', data: '#!/bin/sh\n', mode: 0o755 },
    { path: 'etc/file', data: 'x'.repeat(513) },
    { path: 'usr/link', link: 'bin/program' },
  ];

  it('are the same bytes for the same content, in whatever order it comes', () => {
    expect(archive.tar(entries, 1000).equals(archive.tar([...entries].reverse(), 1000))).toBe(true);
    expect(archive.gzip('x').equals(archive.gzip('x'))).toBe(true);
  });

  it('are what tar reads', () => {
    const file = join(folder, 'a.tar');
    writeFileSync(file, archive.tar(entries, 1000));
    const listing = execFileSync('tar', ['tvf', file, '--numeric-owner', '--full-time', '--utc'], { encoding: 'utf8' });
    const lines = listing
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/));
    expect(lines.map(([mode, owner, size, , , name]) => [mode, owner, size, name].join(' '))).toEqual([
      'drwxr-xr-x 0/0 0 ./etc/',
      '-rw-r--r-- 0/0 513 ./etc/file',
      'drwxr-xr-x 0/0 0 ./usr/',
      'drwxr-xr-x 0/0 0 ./usr/bin/',
      '-rwxr-xr-x 0/0 10 ./usr/bin/program',
      'lrwxrwxrwx 0/0 0 ./usr/link',
    ]);
    expect(listing).toContain('1970-01-01 00:16:40');
  });

  it('refuse a path that ustar cannot hold', () => {
    expect(() => archive.tar([{ path: 'x'.repeat(101), data: '' }], 0)).toThrow(/too long/);
  });

  it('are read again, with the long names that other programs write', () => {
    const place = mkdtempSync(join(folder, 'long-'));
    const long = 'x'.repeat(150);
    writeFileSync(join(place, long), 'deep');
    writeFileSync(join(place, 'short'), '');
    const packed = (format: string) => execFileSync('tar', ['c', `--format=${format}`, '-C', place, long, 'short']);
    for (const format of ['gnu', 'pax']) {
      const found = [...archive.entriesOf(packed(format))].map(({ path, data }) => [path, data.toString()]);
      expect(found).toEqual([
        [long, 'deep'],
        ['short', ''],
      ]);
    }
    expect(
      [...archive.entriesOf(archive.tar(entries, 1000))].map(({ path, mode, link }) => [path, mode, link]),
    ).toContainEqual(['./usr/link', 0o777, 'bin/program']);
  });

  it('keep members of an ar archive on even places', () => {
    const bytes = archive.ar(
      [
        { name: 'a', data: 'odd' },
        { name: 'b', data: 'x' },
      ],
      7,
    );
    expect(bytes.toString('latin1')).toMatch(/^!<arch>\na {15}7 {11}0 {5}0 {5}100644 {2}3 {9}`\nodd\nb/);
    expect(gunzipSync(archive.gzip('hello')).toString()).toBe('hello');
  });
});

describe('the shell scripts', () => {
  const shell = existsSync('/usr/bin/busybox') ? ['/usr/bin/busybox', 'ash'] : ['/bin/sh'];
  const scripts = ['debian', 'openwrt'].flatMap((part) =>
    readdirSync(new URL(part, packaging), { withFileTypes: true })
      .filter((entry) => entry.isFile() && !/\.(?:mjs|service|toml|config|conf|nft|json|uc|d)$/.test(entry.name))
      .map(({ name }) => `${part}/${name}`),
  );

  it.each(['igd2pcp.sh', ...scripts])('%s is good shell', (name) => {
    const [program = '', ...rest] = shell;
    expect(() =>
      execFileSync(program, [...rest, '-n', new URL(name, packaging).pathname], { stdio: 'pipe' }),
    ).not.toThrow();
  });
});

/** What the generator makes of a configuration. */
function unitsFor(text: string): string {
  const config = join(folder, 'igd2pcp.toml');
  writeFileSync(config, text);
  const target = mkdtempSync(join(folder, 'units-'));
  const generator = new URL('debian/generator.sh', packaging).pathname;
  execFileSync('sh', [generator, target, target, target], { env: { ...process.env, IGD2PCP_CONFIG: config } });
  return join(target, 'igd2pcp.service.d');
}

/** What prerm calls, with programs that only tell how they were called; one of them may fail. */
function prermCalls() {
  return (argument: string, failing?: string): readonly string[] => {
    const bin = mkdtempSync(join(folder, 'bin-'));
    const log = join(bin, 'calls');
    writeFileSync(log, '');
    for (const name of ['timeout', 'nft']) {
      const verdict = name === failing ? 'exit 1' : 'exit 0';
      writeFileSync(join(bin, name), `#!/bin/sh\necho "${name} $*" >> ${log}\n${verdict}\n`, { mode: 0o755 });
    }
    // No systemd and no installed program: of this machine nothing must be touched.
    const script = read('debian/prerm')
      .replaceAll('/run/systemd/system', join(bin, 'none'))
      .replaceAll('/usr/lib/igd2pcp', bin);
    execFileSync('sh', ['-c', script, 'prerm', argument], {
      env: { PATH: `${bin}:${process.env['PATH'] ?? ''}` },
      stdio: 'pipe',
    });
    return readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  };
}

describe('the Debian package', () => {
  const unit = read('debian/igd2pcp.service').split('\n');
  const setting = (key: string): string | undefined =>
    unit.find((line) => line.startsWith(`${key}=`))?.slice(key.length + 1);

  it('ships a configuration to which three lines are added', () => {
    const sources = { args: new Map(), env: {}, fileName: 'igd2pcp.toml', purpose: 'run' } as const;
    const shipped = read('debian/igd2pcp.toml');
    expect(readConfig({ ...sources, fileText: shipped })).toMatchObject({ ok: false });
    const mended = shipped.replace(/^#(interfaces|nat|trusted)/gm, '$1');
    expect(readConfig({ ...sources, fileText: mended })).toMatchObject({ ok: true });
  });

  it.each([
    ['nat = "nftables"\n', true],
    ["  nat='nftables' # yes\n", true],
    ['#nat = "nftables"\n', false],
    ['nat = "none"\n', false],
  ])('gives CAP_NET_ADMIN for %j: %s', (text, isGiven) => {
    const dropIn = join(unitsFor(`[wan]\n${text}`), 'nftables.conf');
    expect(existsSync(dropIn)).toBe(isGiven);
    if (isGiven) expect(readFileSync(dropIn, 'utf8')).toContain('AmbientCapabilities=CAP_NET_ADMIN');
  });

  it('has one place for the admin socket, for the service, for commands and for a daemon started by hand', () => {
    const lines = read('debian/tmpfiles.conf').split('\n');
    expect(lines).toContain('d /run/igd2pcp 0750 igd2pcp igd2pcp -');
    expect(lines).toContain('L+ /run/igd2pcp.sock - - - - /run/igd2pcp/admin.sock');
    // Without it the directory would go with the service, and the link would lead nowhere.
    expect(unit).toContain('RuntimeDirectoryPreserve=yes');
    expect(read('debian/igd2pcp.toml')).not.toMatch(/^socket/m);
  });

  it('starts with Node.js 20, too: what is not allowed fails instead of killing', () => {
    expect(unit).toContain('SystemCallFilter=@system-service @pkey');
    expect(unit).toContain('SystemCallErrorNumber=EPERM');
  });

  it('is not started for ever: a limit, and no second try with a wrong configuration', () => {
    expect(unit).toContain('RestartPreventExitStatus=2');
    const [burst, restart] = ['StartLimitBurst', 'RestartSec'].map((key) => setting(key));
    expect(setting('StartLimitIntervalSec')).toBe('10min');
    // All the tries must fit into the interval, or the limit is never reached.
    expect(Number(burst) * (Number(restart) + 15)).toBeLessThan(600);
  });

  it('lets "systemctl start" fail with the daemon', () => {
    expect(unit).toContain('Type=notify');
    expect(unit).toContain('NotifyAccess=all');
  });

  it('gives the service what root left in its directory, and follows no link there', () => {
    const line = unit.find((each) => each.startsWith('ExecStartPre=')) ?? '';
    expect(line).toMatch(
      /^ExecStartPre=\+\/bin\/chown .*--no-dereference --from=root igd2pcp:igd2pcp \/var\/lib\/igd2pcp$/,
    );
  });

  it('releases everything at the carrier before it is removed, within a minute, and not on an upgrade', () => {
    const prerm = prermCalls();
    expect(prerm('upgrade')).toEqual([]);
    expect(prerm('remove')).toEqual(['timeout 60 igd2pcp delete --all', 'nft delete table inet igd2pcp']);
    expect(prerm('remove', 'timeout')).toEqual(['timeout 60 igd2pcp delete --all', 'nft delete table inet igd2pcp']);
  });

  it('runs unprivileged: the unit itself grants nothing', () => {
    for (const line of ['User=igd2pcp', 'CapabilityBoundingSet=', 'NoNewPrivileges=yes', 'ProtectSystem=strict']) {
      expect(unit).toContain(line);
    }
  });
});

describe('the packages', () => {
  const makers = [['debian/package.mjs', 'debianPackage', 'igd2pcp_1.2.3_all.deb']] as const;
  const product = {
    version: '1.2.3',
    time: 1_000_000,
    ...{ program: 'p', launcher: 'l', start: 's', license: 'l', changelog: 'c' },
    help: (form: string) => `# ${form}\n[lan]\n#interfaces = []\n`,
  };

  it.each(makers)('%s makes the same bytes of the same product', async (file, name, called) => {
    const maker: Record<string, (from: typeof product) => { name: string; bytes: Buffer }> = await import(
      new URL(file, packaging).href
    );
    const make = maker[name];
    const [first, second] = [make?.(product), make?.(product)];
    expect(first?.name).toBe(called);
    expect(first?.bytes.equals(second?.bytes ?? Buffer.alloc(0))).toBe(true);
    const later = make?.({ ...product, time: 1_000_001 });
    expect(first?.bytes.equals(later?.bytes ?? Buffer.alloc(0))).toBe(false);
  });

  it('of Debian need its Node.js, or bring one along with its licence', async () => {
    const { debianPackage } = await import(new URL('debian/package.mjs', packaging).href);
    const bundle = { architecture: 'amd64', program: Buffer.from('node'), license: Buffer.from('MIT') };
    const described = (file: string, bytes: Buffer): string => {
      writeFileSync(join(folder, file), bytes);
      const run = (...args: readonly string[]) =>
        execFileSync('dpkg-deb', [...args, join(folder, file)], { encoding: 'utf8' });
      return run('--field') + run('--contents');
    };
    const slim = described('slim.deb', debianPackage(product).bytes);
    expect(slim).toContain('Architecture: all');
    expect(slim).toContain('Depends: nodejs (>= 20.11)');
    const full = described('full.deb', debianPackage(product, bundle).bytes);
    expect(full).toContain('Architecture: amd64');
    expect(full).not.toContain('nodejs (');
    expect(full).toMatch(/-rwxr-xr-x .*\.\/usr\/lib\/igd2pcp\/node$/m);
    expect(full).toContain('./usr/share/doc/igd2pcp/copyright.nodejs');
  });

  it('take the compiled form away before another version comes, and bring the file that starts from it', () => {
    for (const script of ['debian/prerm', 'openwrt/prerm'])
      expect(read(script)).toMatch(/^\s*rm -f .*\/usr\/lib\/igd2pcp\/igd2pcp\.compiled"?$/m);
    for (const script of ['debian/postinst', 'openwrt/postinst'])
      expect(read(script)).toMatch(/IGD2PCP_COMPILE=1 (\/usr\/bin\/)?igd2pcp version/);
    for (const file of ['debian/package.mjs', 'openwrt/package.mjs'])
      expect(read(file)).toContain("{ path: 'usr/lib/igd2pcp/start.cjs', data: product.start }");
    expect(read('oci/Dockerfile')).toContain('COPY igd2pcp.cjs start.cjs /usr/lib/igd2pcp/');
  });
});
