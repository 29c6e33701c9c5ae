// From the start of the process to the first description; and a start with a thousand mappings to put back.

import { sleep } from '../parts/child.mjs';
import { add, mustSucceed, range } from '../parts/load.mjs';
import { oursWithNft, oursWithoutNat, targetOf, theirs } from '../parts/scene.mjs';

const KEPT = 1000;
const RESTORE_WITHIN_MS = 30_000;

export const start = {
  name: 'start',
  title: `Start, and restart with ${KEPT} mappings`,
  subjects: {
    miniupnpd: { make: theirs },
    nftables: { make: oursWithNft, restores: true },
    'none, 0 ms': { make: oursWithoutNat(0), restores: true },
    'none, 1000 packets/s': { make: oursWithoutNat(0, ['--pcp-rate', '1000']), restores: true },
  },
  async measure({ generator, target, gateway }, { subject, bench, isQuick }) {
    const figures = {};
    await gateway.stop();
    await sleep(200);
    figures['to the description, ms'] = await restart(bench, gateway);
    if (!subject.restores) return figures;
    const size = isQuick ? 100 : KEPT;
    await mustSucceed(generator, target, range(0, size).map(add), 16);
    const before = portsOf(await gateway.mappings());
    await gateway.stop();
    const startedAt = performance.timeOrigin + performance.now();
    await restart(bench, gateway);
    figures['all confirmed upstream, s'] = ((await confirmed(gateway, size)) - startedAt) / 1000;
    const after = portsOf(await gateway.mappings());
    figures['ports changed'] = before.filter((port) => !after.includes(port)).length;
    return figures;
  },
  goals: [
    ...['nftables', 'none, 0 ms'].map((subject) => ({
      text: `${subject}: description within 200 ms`,
      met: (of) => of(subject, 'to the description, ms') <= 200,
    })),
    ...['nftables', 'none, 0 ms', 'none, 1000 packets/s'].map((subject) => ({
      text: `${subject}: ${KEPT} mappings confirmed within 2 s, no external port changed`,
      met: (of) => of(subject, 'all confirmed upstream, s') < 2 && of(subject, 'ports changed') === 0,
    })),
  ],
};

async function restart(bench, gateway) {
  const startedAt = performance.timeOrigin + performance.now();
  await gateway.resume();
  return (await targetOf(bench, gateway)).readyAt - startedAt;
}

/** Every one granted again: by the daemon's own account, which renews only what the server confirmed. */
async function confirmed(gateway, size) {
  const end = performance.now() + RESTORE_WITHIN_MS;
  while (performance.now() < end) {
    const mappings = await gateway.mappings();
    if (mappings?.filter(({ state }) => state === 'granted').length >= size) break;
    await sleep(20);
  }
  return performance.timeOrigin + performance.now();
}

const portsOf = (mappings) => mappings.map(({ protocol, externalPort }) => `${protocol} ${externalPort}`);
