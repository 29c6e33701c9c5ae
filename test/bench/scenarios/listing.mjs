// What control panels and download programs do: walk the whole table.

import { add, mustSucceed, range } from '../parts/load.mjs';
import { oursWithoutNat, theirs } from '../parts/scene.mjs';
import { percentile } from '../parts/statistics.mjs';

const SIZE = 2000;
const CALLS = 2001;
const LISTINGS = 20;
/** The whole table in one answer. */
const EVERYBODY = ['--no-own-address-only'];

export const listing = {
  name: 'listing',
  title: `Listing ${SIZE} mappings`,
  subjects: {
    miniupnpd: { make: theirs },
    igd2pcp: { make: oursWithoutNat(0, EVERYBODY), hasLists: true },
  },
  async measure({ generator, target, gateway }, { subject, isQuick }) {
    const size = isQuick ? 100 : SIZE;
    await mustSucceed(generator, target, range(0, size).map(add), 16);
    const from = add(0).from;
    const walk = range(0, isQuick ? 100 : CALLS).map((index) => ({
      action: 'GetGenericPortMappingEntry',
      from,
      index,
    }));
    // The last index lies behind the end: error 713 is the answer that ends every walk.
    const entries = await generator.ask('calls', { target, lanes: [walk] });
    const figures = {
      'GetGeneric p50, ms': percentile(entries.latencies, 0.5),
      'GetGeneric p99, ms': percentile(entries.latencies, 0.99),
      'whole walk, s': entries.wallMs / 1000,
    };
    if (subject.hasLists) Object.assign(figures, await lists({ generator, gateway, target, from, size }));
    return figures;
  },
  goals: [
    {
      text: 'GetGenericPortMappingEntry not slower than miniupnpd',
      met: (of) => of('igd2pcp', 'GetGeneric p50, ms') <= of('miniupnpd', 'GetGeneric p50, ms'),
    },
    {
      text: `GetListOfPortMappings of ${SIZE} below 30 ms`,
      met: (of) => of('igd2pcp', 'GetList p50, ms') < 30,
    },
  ],
};

/** The action is IGD:2's. */
async function lists({ generator, gateway, target, from, size }) {
  const second = { ...target, ...(await secondDevice(generator, gateway, target)) };
  const call = { action: 'GetListOfPortMappings', from, most: size };
  const outcome = await generator.ask('calls', { target: second, lanes: [range(0, LISTINGS).map(() => call)] });
  if (Object.keys(outcome.errors).length > 0) throw new Error(`listing failed: ${JSON.stringify(outcome.errors)}`);
  return {
    'GetList p50, ms': percentile(outcome.latencies, 0.5),
    'GetList octets': outcome.bodyBytes / LISTINGS,
  };
}

async function secondDevice(generator, gateway) {
  const { controlTarget } = await import('../parts/control-url.mjs');
  const place = { ...gateway.place, path: '/igd2.xml' };
  const answer = await generator.ask('get', place);
  return controlTarget(place, answer.body);
}
