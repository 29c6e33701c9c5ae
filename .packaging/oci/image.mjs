// An OCI image layout, written without an engine: three tar layers (C library and nft, Node.js, the program) and the JSON that
// names them by their checksums. https://github.com/opencontainers/image-spec

import { createHash } from 'node:crypto';
import { gzip, tar } from '../archive.mjs';
import { systemFiles } from './debian-files.mjs';

const USER = 65_532;
const ARCHITECTURES = { amd64: 'amd64', arm64: 'arm64' };

/**
 * @param {import('../../.scripts/package.mjs').Product} product
 * @param {{ architecture: string, program: Buffer, license: Buffer }} node
 * @param {readonly Buffer[]} debianPackages of the same architecture
 * @returns {readonly { name: string, bytes: Uint8Array | string }[]} the files of the layout
 */
export function imageLayout(product, node, debianPackages) {
  const layers = [
    { by: 'Debian: C library, shell, nft', entries: [...systemFiles(debianPackages), ...ownPlaces()] },
    {
      by: 'Node.js',
      entries: [
        { path: 'usr/lib/igd2pcp/node', data: node.program, mode: 0o755 },
        { path: 'usr/share/doc/nodejs/copyright', data: node.license },
      ],
    },
    {
      by: `igd2pcp ${product.version}`,
      entries: [
        { path: 'usr/bin/igd2pcp', data: product.launcher, mode: 0o755 },
        { path: 'usr/lib/igd2pcp/igd2pcp.cjs', data: product.program },
        { path: 'usr/lib/igd2pcp/start.cjs', data: product.start },
        { path: 'usr/share/doc/igd2pcp/copyright', data: product.license },
      ],
    },
  ].map(({ by, entries }) => layer(by, entries, product));
  const config = blob('application/vnd.oci.image.config.v1+json', json(configuration(product, node, layers)));
  const manifest = blob(
    'application/vnd.oci.image.manifest.v1+json',
    json({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: config.descriptor,
      layers: layers.map(({ descriptor }) => descriptor),
    }),
  );
  const named = { ...manifest.descriptor, annotations: { 'org.opencontainers.image.ref.name': product.version } };
  return [
    { name: 'oci-layout', bytes: json({ imageLayoutVersion: '1.0.0' }) },
    {
      name: 'index.json',
      bytes: json({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [named] }),
    },
    ...[...layers, config, manifest].map(({ name, bytes }) => ({ name, bytes })),
  ];
}

/** The names of the users, and where the daemon writes: as its own user, or as a root that has lost root's powers. */
const ownPlaces = () => [
  { path: 'etc/passwd', data: `root:x:0:0::/:/bin/sh\nigd2pcp:x:${USER}:${USER}::/var/lib/igd2pcp:/bin/sh\n` },
  { path: 'etc/group', data: `root:x:0:\nigd2pcp:x:${USER}:\n` },
  { path: 'var/lib/igd2pcp', mode: 0o770, owner: USER },
  { path: 'run/igd2pcp', mode: 0o770, owner: USER },
  { path: 'tmp', mode: 0o1777 },
  { path: 'proc' },
  { path: 'sys' },
  { path: 'dev' },
];

function layer(by, entries, product) {
  const plain = tar(entries, product.time);
  const packed = blob('application/vnd.oci.image.layer.v1.tar+gzip', gzip(plain, product.level));
  return { ...packed, by, diffId: `sha256:${sha256(plain)}` };
}

function configuration(product, { architecture }, layers) {
  const created = new Date(product.time * 1000).toISOString();
  return {
    created,
    architecture: ARCHITECTURES[architecture],
    os: 'linux',
    config: {
      User: `${USER}:${USER}`,
      Env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'IGD2PCP_ADMIN_SOCKET=/run/igd2pcp/admin.sock'],
      Entrypoint: ['/usr/bin/igd2pcp'],
      Cmd: ['run'],
      Volumes: { '/var/lib/igd2pcp': {} },
      WorkingDir: '/',
      StopSignal: 'SIGTERM',
      Labels: { 'org.opencontainers.image.title': 'igd2pcp', 'org.opencontainers.image.version': product.version },
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(({ by }) => ({ created, created_by: by })),
  };
}

function blob(mediaType, content) {
  const bytes = Buffer.from(content);
  const digest = sha256(bytes);
  const descriptor = { mediaType, digest: `sha256:${digest}`, size: bytes.length };
  return { name: `blobs/sha256/${digest}`, bytes, descriptor };
}

const json = (value) => JSON.stringify(value);
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
