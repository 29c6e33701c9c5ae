// What goes wrong in a house in an hour. What lasts heals by itself; the load goes on meanwhile.

import { clientAddress, nft, ROUTER, wanDown, wanUp } from '../parts/network.mjs';
import { order } from '../parts/simulator-control.mjs';

const HEALTHY = ['loss 0%', 'duplicates 0%', 'reordering 0%', 'silent no', 'delay 0ms'];
/** Longer than a control point is kept waiting, shorter than the carrier's grants. */
const LASTS_MS = 15_000;

const lasting = new Set();

function forAWhile(heal) {
  const spell = { heal };
  spell.timer = setTimeout(() => end(spell), LASTS_MS);
  lasting.add(spell);
}

async function end(spell) {
  if (!lasting.delete(spell)) return;
  clearTimeout(spell.timer);
  await spell.heal();
}

const tellCarrier =
  (...lines) =>
  async ({ control }) => {
    for (const line of lines) await order(control, line);
    forAWhile(() => mendCarrier(control));
  };

const deeds = {
  'carrier restarts and says so': ({ control }) => order(control, 'restart announce'),
  'carrier restarts in silence': ({ control }) => order(control, 'restart'),
  'carrier loses half': tellCarrier('loss 50%'),
  'carrier doubles and reorders': tellCarrier('duplicates 30%', 'reordering 30%', 'delay 20ms'),
  'carrier is silent': tellCarrier('silent yes'),
  'the WAN goes and comes back': () => {
    wanDown();
    forAWhile(wanUp);
  },
  // "add" first: to delete what somebody has deleted already would be an error.
  'somebody deletes our table': () => nft(ROUTER, 'add table inet igd2pcp\ndelete table inet igd2pcp\n'),
  'somebody reloads the configuration': ({ gateway }) => process.kill(gateway.pid(), 'SIGHUP'),
  'file descriptors run out': ({ gateway }) => forAWhile(gateway.takeDescriptors()),
  'a neighbour holds 96 connections': async ({ gateway, generator }) => {
    const half = { ...gateway.place, from: clientAddress(63), count: 96, text: 'GET / HTTP/1.1\r\n' };
    await generator.ask('hold', half);
  },
  'the neighbour lets go': ({ generator }) => generator.ask('release'),
  'a hundred searches': ({ generator }) =>
    generator.ask('search', { count: 100, overMs: 500, mx: 1, target: 'ssdp:all' }),
};

/** → its name. */
export async function breakSomething(world) {
  const names = Object.keys(deeds);
  const name = names[Math.floor(world.random() * names.length)];
  await deeds[name](world);
  return name;
}

export async function mendEverything({ control, generator }) {
  for (const spell of [...lasting]) await end(spell);
  await mendCarrier(control);
  await generator.ask('release');
}

async function mendCarrier(control) {
  for (const line of HEALTHY) await order(control, line);
}
