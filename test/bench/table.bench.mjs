// How the mapping table's operations grow with its size: they should not. `npm run bench` runs it; never part of the tests.
// Usage: node test/bench/table.bench.mjs   (bundles the table with esbuild first)

import { performance } from 'node:perf_hooks';
import { build } from 'esbuild';

const SIZES = [100, 1_000, 10_000, 50_000];
const ROUNDS = 20_000;

const bundle = await build({
  stdin: {
    contents: `
      export { MappingTable } from './src/mapping/mapping-table.ts';
      export { IpAddress } from './src/base/ip-address.ts';
    `,
    resolveDir: new URL('../..', import.meta.url).pathname,
    loader: 'ts',
  },
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'neutral',
});
const source = Buffer.from(bundle.outputFiles[0].contents).toString('base64');
const { MappingTable, IpAddress } = await import(`data:text/javascript;base64,${source}`);

const clients = Array.from({ length: 1000 }, (_, i) => IpAddress.of(`10.0.${i >> 8}.${i & 255}`));
const outside = IpAddress.of('198.51.100.7');

function mapping(number) {
  const port = 1 + (number % 65_535);
  return {
    protocol: number < 65_535 ? 'TCP' : 'UDP',
    externalPort: port,
    remoteHost: '',
    remotePeers: [],
    internalClient: clients[number % clients.length],
    internalPort: port,
    description: 'bench',
    madeBy: {
      address: clients[number % clients.length],
      name: '',
      via: 'IGD:1',
    },
    isPublished: true,
    createdAt: 0,
    leaseEndsAt: 1e9 + ((number * 7919) % 1e6),
    leaseSeconds: 3600,
    nat1Port: port,
    state: 'granted',
    upstream: {
      server: 'carrier',
      nonce: number.toString(16).padStart(24, '0'),
      internalAddress: outside,
      internalPort: port,
      isThirdParty: false,
      assignedAddress: outside,
      assignedPort: port,
      grantedAt: 0,
      expiresAt: 2e9,
      renewAt: (number * 104_729) % 1e6,
      window: 1,
    },
  };
}

function nanosecondsOf(work) {
  const times = [];
  for (let pass = 0; pass < 5; pass += 1) {
    const start = performance.now();
    for (let round = 0; round < ROUNDS; round += 1) work(round);
    times.push(((performance.now() - start) * 1e6) / ROUNDS);
  }
  return Math.round(times.sort((a, b) => a - b)[2]);
}

console.log('nanoseconds per operation, median of 5 passes');
console.log(
  ['entries', 'find', 'by port', 'by index', 'next renewal', 'renew', 'add+delete'].map((t) => t.padStart(13)).join(''),
);
for (const size of SIZES) {
  const table = new MappingTable();
  const all = Array.from({ length: size }, (_, number) => mapping(number));
  table.batch(() => {
    for (const one of all) table.put(one);
  });
  const extra = Array.from({ length: 64 }, (_, number) => mapping(size + number));
  const renewed = all
    .slice(0, 2000)
    .map((one, i) => ({ ...one, upstream: { ...one.upstream, renewAt: (i * 7) % 1e6 } }));
  const row = [
    size,
    nanosecondsOf((round) => table.find(all[(round * 31) % size])),
    nanosecondsOf((round) => table.onExternalPort('TCP', all[(round * 31) % size].externalPort)),
    nanosecondsOf((round) => table.at((round * 31) % size)),
    nanosecondsOf(() => table.nextRenewal()),
    nanosecondsOf((round) => table.put((round & 1 ? all : renewed)[round % renewed.length])),
    nanosecondsOf((round) => {
      const one = extra[round % extra.length];
      table.put(one);
      table.remove(one, 'deleted', 'bench');
    }),
  ];
  console.log(row.map((value) => String(value).padStart(13)).join(''));
}
