// What `docker build` needs, side by side.

import { readFileSync } from 'node:fs';

/** @param {import('../../.scripts/package.mjs').Product} product */
export function containerFolder(product) {
  return [
    { name: 'Dockerfile', bytes: readFileSync(new URL('Dockerfile', import.meta.url)) },
    { name: 'igd2pcp.cjs', bytes: product.program },
    { name: 'start.cjs', bytes: product.start },
    { name: 'igd2pcp', bytes: product.launcher, mode: 0o755 },
  ];
}
