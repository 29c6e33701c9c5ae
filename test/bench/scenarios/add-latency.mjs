// How long a control point waits for AddPortMapping, and whether that depends on how full the table is.

import { fileBeside } from '../parts/child.mjs';
import { add, lanes, mustSucceed, range, remove } from '../parts/load.mjs';
import { CARRIER_INSIDE, inNamespace, ROUTER } from '../parts/network.mjs';
import { oursWithNft, oursWithoutNat, theirs } from '../parts/scene.mjs';
import { percentile } from '../parts/statistics.mjs';

const SIZES = [1, 100, 1000, 2000, 10_000];
/** Filling miniupnpd further takes a quarter of an hour a round: each Add walks all rules. */
const MOST_FOR_PEER = 2000;
const PROBES = 40;
const CROWD_AT = 1000;
const CROWD = { connections: 8, adds: 400 };

export const addLatency = {
  name: 'add',
  title: 'AddPortMapping by table size (one connection; eight at 1,000)',
  subjects: {
    miniupnpd: { make: theirs, most: MOST_FOR_PEER },
    nftables: { make: oursWithNft, most: 10_000 },
    'none, 0 ms': { make: oursWithoutNat(0), most: 10_000, isRouted: true },
    'none, 10 ms': { make: oursWithoutNat(10), most: 1000, isRouted: true },
    'none, 30 ms': { make: oursWithoutNat(30), most: 1000, isRouted: true },
  },
  async measure({ generator, target }, { subject, isQuick }) {
    const figures = subject.isRouted ? { 'carrier round trip, ms': await roundTrip() } : {};
    let filled = 0;
    for (const size of SIZES.filter((each) => each <= (isQuick ? 100 : subject.most))) {
      await mustSucceed(generator, target, range(filled, size - 1).map(add), 16);
      filled = Math.max(filled, size - 1);
      const latencies = await probe(generator, target, filled);
      figures[`p50 at ${size}, ms`] = percentile(latencies, 0.5);
      figures[`p95 at ${size}, ms`] = percentile(latencies, 0.95);
      if (size === CROWD_AT) figures[`eight at ${size}, Adds/s`] = await crowd(generator, target, filled);
    }
    return figures;
  },
  goals: [
    ...SIZES.filter((size) => size <= MOST_FOR_PEER).map((size) => ({
      text: `nftables: p50 at ${size} below miniupnpd's`,
      met: (of) => of('nftables', `p50 at ${size}, ms`) < of('miniupnpd', `p50 at ${size}, ms`),
    })),
    {
      text: "nftables: p50 at 1000 at most 40 % of miniupnpd's",
      met: (of) => of('nftables', 'p50 at 1000, ms') <= 0.4 * of('miniupnpd', 'p50 at 1000, ms'),
    },
    {
      text: "nftables: eight connections at 1000 at least 20 times miniupnpd's rate",
      met: (of) => of('nftables', 'eight at 1000, Adds/s') >= 20 * of('miniupnpd', 'eight at 1000, Adds/s'),
    },
    {
      text: 'nftables: flat (p50 at 10000 at most 1.3 times p50 at 1)',
      met: (of) => of('nftables', 'p50 at 10000, ms') <= 1.3 * of('nftables', 'p50 at 1, ms'),
    },
    ...[0, 10, 30].map((delay) => ({
      text: `none, ${delay} ms: p50 at most the carrier's round trip + 1.5 ms`,
      met: (of) =>
        of(`none, ${delay} ms`, 'p50 at 1000, ms') <= of(`none, ${delay} ms`, 'carrier round trip, ms') + 1.5,
    })),
  ],
};

/** One new mapping at a time, deleted again, so that the table stays at this size. */
async function probe(generator, target, filled) {
  const latencies = [];
  for (const index of range(filled, filled + PROBES)) {
    latencies.push(...(await mustSucceed(generator, target, [add(index)], 1)).latencies);
    await mustSucceed(generator, target, [remove(index)], 1);
  }
  return latencies;
}

async function crowd(generator, target, filled) {
  const calls = range(filled, filled + CROWD.adds);
  const outcome = await generator.ask('calls', { target, lanes: lanes(calls.map(add), CROWD.connections) });
  await mustSucceed(generator, target, calls.map(remove), CROWD.connections);
  return (outcome.latencies.length / outcome.wallMs) * 1000;
}

/** As an ANNOUNCE from the router's own WAN side sees it: what no PCP client can be faster than. */
async function roundTrip() {
  const file = fileBeside('../parts/announce-round-trip.mjs', import.meta.url);
  return Number(inNamespace(ROUTER, process.execPath, file, CARRIER_INSIDE));
}
