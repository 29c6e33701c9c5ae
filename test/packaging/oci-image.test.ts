import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

interface Entry {
  readonly path: string;
  readonly kind: string;
  readonly mode: number;
  readonly link: string;
  readonly data: Buffer;
}
interface Blob {
  readonly digest: string;
  readonly size: number;
  readonly mediaType: string;
}

const packaging = new URL('../../.packaging/', import.meta.url);
const { imageLayout } = await import(new URL('oci/image.mjs', packaging).href);
const archive: {
  readonly tar: (entries: readonly object[], time: number) => Buffer;
  readonly entriesOf: (bytes: Buffer) => Iterable<Entry>;
} = await import(new URL('archive.mjs', packaging).href);
const { debianMirror }: { debianMirror: (texts: readonly string[]) => string } = await import(
  new URL('../lab/debian-mirror.mjs', import.meta.url).href
);

const product = {
  version: '1.2.3',
  time: 1_000_000,
  level: 9,
  program: Buffer.from('program'),
  launcher: Buffer.from('launcher'),
  start: Buffer.from('start'),
  license: Buffer.from('MIT'),
};
const node = { architecture: 'amd64', program: Buffer.from('node'), license: Buffer.from('MIT') };
/** As dpkg-deb hands it out, before the merge of /lib into /usr. */
const debian = archive.tar(
  [
    { path: 'lib/x86_64-linux-gnu/libc.so.6', data: 'libc', mode: 0o755 },
    { path: 'bin/dash', data: 'dash', mode: 0o755 },
    { path: 'bin/sh', link: 'dash' },
    { path: 'usr/share/man/man1/dash.1', data: 'manual' },
    { path: 'usr/share/doc/dash/copyright', data: 'BSD' },
  ],
  1,
);

const make = (): ReadonlyMap<string, Buffer> =>
  new Map(
    imageLayout(product, node, [debian]).map(({ name, bytes }: { name: string; bytes: Buffer | string }) => [
      name,
      Buffer.from(bytes),
    ]),
  );

describe('the OCI image', () => {
  const files = make();
  const json = (name: string) => JSON.parse(String(files.get(name)));
  const blob = ({ digest }: Blob): Buffer => files.get(`blobs/${digest.replace(':', '/')}`) ?? Buffer.alloc(0);
  const manifest = JSON.parse(String(blob(json('index.json').manifests[0])));
  const config = JSON.parse(String(blob(manifest.config)));
  const layers = manifest.layers.map((layer: Blob) => gunzipSync(blob(layer)));
  const entries: readonly Entry[] = layers.flatMap((layer: Buffer) => [...archive.entriesOf(layer)]);
  const found = (path: string) => entries.find((entry) => entry.path === `./${path}`);

  it('is an image layout whose blobs are what their names say', () => {
    expect(json('oci-layout')).toEqual({ imageLayoutVersion: '1.0.0' });
    const blobs: readonly Blob[] = [json('index.json').manifests[0], manifest.config, ...manifest.layers];
    for (const each of blobs) {
      const sum = createHash('sha256').update(blob(each)).digest('hex');
      expect([each.digest, each.size]).toEqual([`sha256:${sum}`, blob(each).length]);
    }
    const sums = layers.map((layer: Buffer) => `sha256:${createHash('sha256').update(layer).digest('hex')}`);
    expect(config.rootfs).toEqual({ type: 'layers', diff_ids: sums });
  });

  it('is the same bytes for the same packages', () => {
    expect([...make()]).toEqual([...files]);
  });

  it('runs the launcher as a user of its own, whom the state directory belongs to; a root without powers may write there, too', () => {
    expect(config).toMatchObject({ architecture: 'amd64', os: 'linux' });
    expect(config.config).toMatchObject({ User: '65532:65532', Entrypoint: ['/usr/bin/igd2pcp'], Cmd: ['run'] });
    expect(found('usr/bin/igd2pcp')?.mode).toBe(0o755);
    expect(found('usr/lib/igd2pcp/node')?.mode).toBe(0o755);
    expect(found('var/lib/igd2pcp/')?.mode).toBe(0o770);
    const listing = execFileSync('tar', ['tv', '--numeric-owner'], { input: layers[0], encoding: 'utf8' });
    expect(listing).toMatch(/^drwxrwx--- 65532\/0 .* \.\/var\/lib\/igd2pcp\/$/m);
  });

  it('holds of Debian what is linked with, in the merged /usr, and the licences', () => {
    expect(String(found('usr/lib/x86_64-linux-gnu/libc.so.6')?.data)).toBe('libc');
    expect(found('usr/bin/sh')?.link).toBe('dash');
    expect(found('bin')?.link).toBe('usr/bin');
    expect(found('usr/share/man/man1/dash.1')).toBeUndefined();
    expect(String(found('usr/share/doc/dash/copyright')?.data)).toBe('BSD');
  });
});

describe('the mirror that the lab takes Debian from', () => {
  it.each([
    ['Types: deb\n# a comment\nURIs: http://mirror.test/debian\nSuites: bookworm\n', 'http://mirror.test/debian'],
    [
      'deb http://other.test/apt stable main\ndeb [arch=amd64] http://mirror.test/debian/ bookworm main\n',
      'http://mirror.test/debian/',
    ],
  ])('is the one apt uses: %j', (text, mirror) => {
    expect(debianMirror(['URIs: http://mirror.test/debian-security\n', text])).toBe(mirror);
  });

  it('must be named', () => {
    expect(() => debianMirror(['# deb http://mirror.test/debian bookworm main\n'])).toThrow(/no mirror/);
  });
});
