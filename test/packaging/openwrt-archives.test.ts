import { createHash } from 'node:crypto';
import { gunzipSync, inflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { packaging, script } from './openwrt-shell.ts';

interface Archive {
  readonly name: string;
  readonly bytes: Buffer;
}
const { openwrtPackages }: { openwrtPackages: (from: object) => Archive[] } = await import(
  new URL('openwrt/package.mjs', packaging).href
);

const product = {
  version: '1.2.3',
  time: 1_000_000,
  ...{ program: 'p', launcher: 'l', start: 's', license: 'l', changelog: 'c' },
  help: (form: string) => `# ${form}\n[lan]\n#interfaces = []\n`,
};
const made = openwrtPackages(product);
const named = (name: string): Buffer => made.find((one) => one.name === name)?.bytes ?? Buffer.alloc(0);

interface Member {
  readonly text: string;
  readonly kind: string;
  readonly mode: number;
  readonly data: Buffer;
}

function untar(bytes: Buffer): Map<string, Member> {
  const members = new Map<string, Member>();
  for (let at = 0; at + 512 <= bytes.length && bytes[at] !== 0; ) {
    const field = (from: number, length: number): string =>
      bytes.toString('latin1', at + from, at + from + length).replace(/\0.*$/s, '');
    const size = Number.parseInt(field(124, 12), 8);
    const data = bytes.subarray(at + 512, at + 512 + size);
    const kind = field(156, 1);
    const name = kind === 'x' ? `pax of ${members.size}` : field(0, 100);
    members.set(name, { kind, mode: Number.parseInt(field(100, 8), 8), data, text: data.toString() });
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return members;
}

/** The two gzip members of an .apk, unpacked, and the second as it is packed. */
function partsOf(apk: Buffer): { head: Buffer; packed: Buffer; data: Buffer } {
  const HEADER = 10;
  const TRAILER = 8;
  const { buffer: head, engine } = inflateRawSync(apk.subarray(HEADER), { info: true }) as unknown as {
    buffer: Buffer;
    engine: { bytesWritten: number };
  };
  const packed = apk.subarray(HEADER + engine.bytesWritten + TRAILER);
  return { head, packed, data: gunzipSync(packed) };
}

describe('the OpenWrt packages', () => {
  it('come for opkg and for apk, with a version that apk takes, and are the same bytes each time', () => {
    expect(made.map((one) => one.name)).toEqual([
      'igd2pcp-1.2.3-r1.ipk',
      'igd2pcp-1.2.3-r1.apk',
      'luci-app-igd2pcp-1.2.3-r1.ipk',
      'luci-app-igd2pcp-1.2.3-r1.apk',
    ]);
    for (const [index, one] of openwrtPackages(product).entries())
      expect(one.bytes.equals(made[index]?.bytes ?? Buffer.alloc(0))).toBe(true);
    for (const [index, one] of openwrtPackages({ ...product, time: 1_000_001 }).entries())
      expect(one.bytes.equals(made[index]?.bytes ?? Buffer.alloc(0))).toBe(false);
  });

  it('put the rules where the user said no before, and the news of the carrier into the wan zone alone', () => {
    const data = untar(partsOf(named('igd2pcp-1.2.3-r1.apk')).data);
    const rules = [...data.keys()].filter((name) => name.endsWith('.nft'));
    expect(rules).toEqual([
      'usr/share/nftables.d/chain-post/forward/60-igd2pcp.nft',
      'usr/share/nftables.d/chain-pre/input_wan/60-igd2pcp.nft',
    ]);
  });

  it('is an .ipk that keeps its configuration and its user', () => {
    const outer = untar(gunzipSync(named('igd2pcp-1.2.3-r1.ipk')));
    expect(outer.get('./debian-binary')?.text).toBe('2.0\n');
    const control = untar(gunzipSync(outer.get('./control.tar.gz')?.data ?? Buffer.alloc(0)));
    expect(control.get('./control')?.text).toMatch(/^Package: igd2pcp\nVersion: 1\.2\.3-r1\nDepends: libc, node\n/);
    expect(control.get('./control')?.text).toContain('Require-User: igd2pcp:igd2pcp\n');
    expect(control.get('./conffiles')?.text).toBe('/etc/config/igd2pcp\n');
    for (const name of ['postinst', 'prerm', 'postrm']) expect(control.get(`./${name}`)?.mode).toBe(0o755);
    const data = untar(gunzipSync(outer.get('./data.tar.gz')?.data ?? Buffer.alloc(0)));
    expect(data.get('./lib/upgrade/keep.d/igd2pcp')?.text).toBe('/etc/igd2pcp/\n');
  });

  it('is an .apk whose first member tells the second, and ends without the blocks that end an archive', () => {
    const { head, packed } = partsOf(named('igd2pcp-1.2.3-r1.apk'));
    const info = untar(head).get('.PKGINFO')?.text ?? '';
    expect(info).toMatch(/^pkgname = igd2pcp\npkgver = 1\.2\.3-r1\n/);
    expect(info).toContain('arch = noarch\n');
    expect(info).toContain('depend = node\n');
    expect(info).toContain(`datahash = ${createHash('sha256').update(packed).digest('hex')}\n`);
    expect(head.subarray(-512).some((byte) => byte !== 0)).toBe(true);
  });

  it('is an .apk with a script for the installation and one for the upgrade', () => {
    const scripts = untar(partsOf(named('igd2pcp-1.2.3-r1.apk')).head);
    expect(scripts.get('.post-install')?.text).toBe(script('openwrt/postinst'));
    expect(scripts.get('.post-upgrade')?.text).toMatch(/^#!\/bin\/sh\nexport PKG_UPGRADE=1\n/);
    expect(scripts.get('.pre-deinstall')?.text).toBe(script('openwrt/prerm'));
    expect(scripts.get('.post-deinstall')?.mode).toBe(0o755);
  });

  it('is an .apk whose files carry their checksums, and whose configuration sysupgrade finds', () => {
    const data = untar(partsOf(named('igd2pcp-1.2.3-r1.apk')).data);
    const names = [...data.keys()];
    for (const [index, name] of names.entries()) {
      const member = data.get(name);
      if (member?.kind !== '0') continue;
      const sum = createHash('sha1').update(member.data).digest('hex');
      const record = data.get(names[index - 1] ?? '')?.text ?? '';
      expect(record).toBe(`${record.length} APK-TOOLS.checksum.SHA1=${sum}\n`);
    }
    const hash = createHash('sha256').update(script('openwrt/igd2pcp.config')).digest('hex');
    expect(data.get('lib/apk/packages/igd2pcp.conffiles_static')?.text).toBe(`/etc/config/igd2pcp ${hash}\n`);
    expect(data.get('lib/apk/packages/igd2pcp.conffiles')?.text).toBe('/etc/config/igd2pcp\n');
    expect(data.get('lib/apk/packages/igd2pcp.rusers')?.text).toBe('igd2pcp:igd2pcp\n');
    expect(data.get('lib/apk/packages/igd2pcp.list')?.text).toContain('/etc/init.d/igd2pcp\n');
  });
});

describe('the feed', () => {
  it('names the hash of its release archive, has the scripts of the package, and leaves nothing to be filled in', async () => {
    const { openwrtFeed }: { openwrtFeed: (from: object) => { name: string; bytes: Buffer | string }[] } = await import(
      new URL('openwrt/feed.mjs', packaging).href
    );
    const files = new Map(openwrtFeed(product).map(({ name, bytes }) => [name, bytes]));
    const archive = files.get('igd2pcp-openwrt-1.2.3.tar.gz') ?? '';
    const makefile = String(files.get('net/igd2pcp/Makefile'));
    expect(makefile).toContain(`PKG_HASH:=${createHash('sha256').update(archive).digest('hex')}\n`);
    expect(makefile).toContain('PKG_VERSION:=1.2.3\n');
    expect(makefile).toContain('/usr/bin/igd2pcp delete --all &');
    // The build system calls it by itself.
    expect(makefile).not.toContain('default_prerm');
    expect(makefile).toContain('[ "$$PKG_UPGRADE" = 1 ]');
    const inside = untar(gunzipSync(Buffer.from(archive)));
    expect(inside.get('igd2pcp-openwrt-1.2.3/igd2pcp/etc/init.d/igd2pcp')?.mode).toBe(0o755);
    for (const [name, bytes] of files) if (name.endsWith('Makefile')) expect(String(bytes)).not.toMatch(/@[A-Z]+@/);
    expect([...files.keys()]).toContain(
      'luci/applications/luci-app-igd2pcp/htdocs/luci-static/resources/view/igd2pcp/igd2pcp.js',
    );
  });
});
