// What it costs to have it running: resident memory, of the daemon's process alone.

import { sleep } from '../parts/child.mjs';
import { add, mustSucceed, range, remove } from '../parts/load.mjs';
import { openHandles, proportionalMiB, residentMiB } from '../parts/process-figures.mjs';
import { oursWithNft, oursWithoutNat, theirs } from '../parts/scene.mjs';

const SIZE = 2000;
const MORE = 10_000;
const SETTLE_MS = 5000;
const CLIENTS = 64;

export const memory = {
  name: 'memory',
  title: 'Resident memory',
  subjects: {
    miniupnpd: { make: theirs },
    nftables: { make: oursWithNft, hasRoom: true },
    'none, 0 ms': { make: oursWithoutNat(0), hasRoom: true },
  },
  async measure({ generator, target, gateway }, { subject, isQuick }) {
    const pid = gateway.pid();
    const size = isQuick ? 200 : SIZE;
    await sleep(SETTLE_MS);
    const figures = { 'idle, MiB': residentMiB(pid), 'idle, shared pages split, MiB': proportionalMiB(pid) };
    const handles = openHandles(pid);
    await mustSucceed(generator, target, range(0, size).map(add), 16);
    await generator.ask('calls', { target, lanes: stormLanes(size) });
    await sleep(SETTLE_MS);
    figures['after storm and fill, MiB'] = residentMiB(pid);
    figures['handles gained'] = openHandles(pid) - handles;
    if (subject.hasRoom && !isQuick) {
      await mustSucceed(generator, target, range(size + 640, MORE).map(add), 16);
      await sleep(SETTLE_MS);
      figures['with 10000 mappings, MiB'] = residentMiB(pid);
      figures['KiB per mapping'] =
        ((figures['with 10000 mappings, MiB'] - figures['after storm and fill, MiB']) * 1024) / (MORE - size - 640);
    } else if (!isQuick) {
      await mustSucceed(generator, target, range(0, size).map(remove), 1);
    }
    return figures;
  },
  goals: ['nftables', 'none, 0 ms'].flatMap((subject) => [
    { text: `${subject}: at most 60 MiB idle`, met: (of) => of(subject, 'idle, MiB') <= 60 },
    {
      text: `${subject}: at most 80 MiB with ${SIZE} mappings after the storm`,
      met: (of) => of(subject, 'after storm and fill, MiB') <= 80,
    },
  ]),
};

const stormLanes = (first) =>
  range(0, CLIENTS).map((client) => range(0, 10).map((turn) => add(first + turn * CLIENTS + client)));
