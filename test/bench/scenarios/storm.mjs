// A power cut is over: every machine of the house asks for its ports at once.

import { add, range } from '../parts/load.mjs';
import { listenOverflows } from '../parts/process-figures.mjs';
import { oursWithNft, oursWithoutNat, theirs } from '../parts/scene.mjs';
import { percentile } from '../parts/statistics.mjs';

const CLIENTS = 64;
const ADDS_EACH = 10;

export const storm = {
  name: 'storm',
  title: `Storm: ${CLIENTS} clients × ${ADDS_EACH} Adds at once`,
  subjects: {
    miniupnpd: { make: theirs },
    nftables: { make: oursWithNft },
    'none, 0 ms': { make: oursWithoutNat(0) },
  },
  async measure({ generator, target, gateway }) {
    const overflowsBefore = listenOverflows(gateway.pid());
    // Index mod CLIENTS is the client: a lane per client.
    const lanes = range(0, CLIENTS).map((client) => range(0, ADDS_EACH).map((turn) => add(turn * CLIENTS + client)));
    const outcome = await generator.ask('calls', { target, lanes });
    return {
      'p50, ms': percentile(outcome.latencies, 0.5),
      'p99, ms': percentile(outcome.latencies, 0.99),
      'worst, ms': percentile(outcome.latencies, 1),
      failures: CLIENTS * ADDS_EACH - outcome.latencies.length,
      'listen overflows': listenOverflows(gateway.pid()) - overflowsBefore,
    };
  },
  goals: [
    {
      text: "nftables: p99 at most a fifth of miniupnpd's",
      met: (of) => of('nftables', 'p99, ms') * 5 <= of('miniupnpd', 'p99, ms'),
    },
    ...['nftables', 'none, 0 ms'].map((subject) => ({
      text: `${subject}: no failure, no listen overflow`,
      met: (of) => of(subject, 'failures') === 0 && of(subject, 'listen overflows') === 0,
    })),
  ],
};
