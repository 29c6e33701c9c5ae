// What it does when nobody asks for anything: 500 live mappings, a minute of silence. Then a hundred searches in a second.

import { sleep } from '../parts/child.mjs';
import { add, mustSucceed, range } from '../parts/load.mjs';
import { effort } from '../parts/process-figures.mjs';
import { oursWithNft, oursWithoutNat, theirs } from '../parts/scene.mjs';
import { percentile } from '../parts/statistics.mjs';

const LIVE = 500;
const SILENCE_MS = 60_000;
const SEARCHES = 100;
const MX = 2;

export const quiet = {
  name: 'quiet',
  title: `Quiet: ${LIVE} live mappings, nobody asks; then ${SEARCHES} searches in a second`,
  subjects: {
    miniupnpd: { make: theirs },
    nftables: { make: oursWithNft, logs: true },
    'none, 0 ms': { make: oursWithoutNat(0), logs: true },
  },
  async measure({ generator, target, gateway }, { subject, isQuick }) {
    const pid = gateway.pid();
    const silence = isQuick ? 15_000 : SILENCE_MS;
    await mustSucceed(generator, target, range(0, LIVE).map(add), 4);
    // Until the nft that was kept for the filling has ended: its effort is booked when it ends.
    await sleep(isQuick ? 5000 : 40_000);
    const before = { ...effort(pid), logged: subject.logs ? gateway.logBytes() : 0 };
    await sleep(silence);
    const after = { ...effort(pid), logged: subject.logs ? gateway.logBytes() : 0 };
    const figures = {
      'CPU, %': ((after.cpuSeconds - before.cpuSeconds) / (silence / 1000)) * 100,
      'wake-ups per minute': ((after.switches - before.switches) * 60_000) / silence,
    };
    if (subject.logs) figures['log octets per hour'] = ((after.logged - before.logged) * 3_600_000) / silence;
    const order = {
      count: SEARCHES,
      overMs: 1000,
      mx: MX,
      target: 'urn:schemas-upnp-org:device:InternetGatewayDevice:1',
    };
    const search = await generator.ask('search', order);
    const delays = search.delays.filter((delay) => typeof delay === 'number');
    figures['searches answered'] = delays.length;
    figures['slowest answer, ms'] = percentile(delays, 1);
    return figures;
  },
  goals: ['nftables', 'none, 0 ms'].flatMap((subject) => [
    { text: `${subject}: idle CPU below 0.2 %`, met: (of) => of(subject, 'CPU, %') < 0.2 },
    {
      text: `${subject}: all ${SEARCHES} searches answered within MX = ${MX} s`,
      met: (of) => of(subject, 'searches answered') === SEARCHES && of(subject, 'slowest answer, ms') <= MX * 1000,
    },
  ]),
};
