// The two forms of an OpenWrt package. Up to 24.10, opkg's .ipk: a gzipped tar of debian-binary, data and control. Since
// 25.12, apk's .apk, here in its older form, which apk-tools 3 installs as well and which needs no tool of theirs: two
// gzip members, the first with .PKGINFO and the scripts, the second with the files.

import { createHash } from 'node:crypto';
import { gzip, tar } from '../archive.mjs';

/**
 * @typedef {object} OpenwrtPackage
 * @property {string} name
 * @property {string} version
 * @property {string} license
 * @property {string} section
 * @property {string} summary
 * @property {readonly string[]} depends
 * @property {string} [user] made at installation
 * @property {readonly import('../archive.mjs').Entry[]} files
 * @property {readonly string[]} configuration  paths from the root, without the first slash
 * @property {Readonly<Partial<Record<'postinst' | 'prerm' | 'postrm', string>>>} scripts
 */

/** @param {OpenwrtPackage} one @param {number} time */
export function ipk(one, time) {
  const control = [
    { path: 'control', data: controlText(one) },
    ...(one.configuration.length === 0
      ? []
      : [{ path: 'conffiles', data: one.configuration.map((path) => `/${path}\n`).join('') }]),
    ...Object.entries(one.scripts).map(([path, data]) => ({ path, data, mode: 0o755 })),
  ];
  const outer = tar(
    [
      { path: 'debian-binary', data: '2.0\n' },
      { path: 'data.tar.gz', data: gzip(tar(one.files, time)) },
      { path: 'control.tar.gz', data: gzip(tar(control, time)) },
    ],
    time,
  );
  return { name: `${one.name}-${one.version}.ipk`, bytes: gzip(outer) };
}

const controlText = (one) =>
  [
    `Package: ${one.name}`,
    `Version: ${one.version}`,
    `Depends: ${one.depends.join(', ')}`,
    `License: ${one.license}`,
    `Section: ${one.section}`,
    ...(one.user === undefined ? [] : [`Require-User: ${one.user}`]),
    'Architecture: all',
    `Installed-Size: ${sizeOf(one.files)}`,
    `Description: ${one.summary}`,
    '',
  ].join('\n');

/** @param {OpenwrtPackage} one @param {number} time */
export function apk(one, time) {
  const files = [...one.files, ...registerOf(one)];
  const data = gzip(
    tar(files, time, {
      prefix: '',
      paxOf: (entry, bytes) =>
        entry.data === undefined ? undefined : `APK-TOOLS.checksum.SHA1=${digest('sha1', bytes)}`,
    }),
  );
  const head = [
    { path: '.PKGINFO', data: infoText(one, files, data, time) },
    ...scriptsOf(one).map(([path, text]) => ({ path, data: text, mode: 0o755 })),
  ];
  const bytes = Buffer.concat([gzip(tar(head, time, { prefix: '', isOpen: true })), data]);
  return { name: `${one.name}-${one.version}.apk`, bytes };
}

/** What sysupgrade and the scripts of base-files look for. */
function registerOf(one) {
  const register = `lib/apk/packages/${one.name}`;
  const hashes = one.configuration.map(
    (path) => `/${path} ${digest('sha256', one.files.find((file) => file.path === path).data)}\n`,
  );
  return [
    { path: `${register}.list`, data: one.files.map(({ path }) => `/${path}\n`).join('') },
    ...(one.user === undefined ? [] : [{ path: `${register}.rusers`, data: `${one.user}\n` }]),
    ...(hashes.length === 0
      ? []
      : [
          { path: `${register}.conffiles`, data: one.configuration.map((path) => `/${path}\n`).join('') },
          { path: `${register}.conffiles_static`, data: hashes.join('') },
        ]),
  ];
}

/** apk runs another script for an upgrade than for an installation; the old version's are not run then. */
function scriptsOf({ scripts: { postinst, prerm, postrm } }) {
  const upgraded = postinst?.replace('\n', '\nexport PKG_UPGRADE=1\n');
  return Object.entries({
    '.post-install': postinst,
    '.post-upgrade': upgraded,
    '.pre-deinstall': prerm,
    '.post-deinstall': postrm,
  }).filter(([, text]) => text !== undefined);
}

const infoText = (one, files, data, time) =>
  [
    `pkgname = ${one.name}`,
    `pkgver = ${one.version}`,
    `pkgdesc = ${one.summary}`,
    `builddate = ${time}`,
    `size = ${sizeOf(files)}`,
    'arch = noarch',
    `license = ${one.license}`,
    `origin = ${one.name}`,
    ...one.depends.map((name) => `depend = ${name}`),
    `datahash = ${digest('sha256', data)}`,
    '',
  ].join('\n');

const sizeOf = (files) => files.reduce((sum, { data }) => sum + Buffer.from(data).length, 0);
const digest = (algorithm, bytes) => createHash(algorithm).update(bytes).digest('hex');
