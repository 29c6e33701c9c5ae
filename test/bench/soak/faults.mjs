// What goes wrong in a house in an hour. What lasts heals by itself; the load goes on meanwhile.

import { clientAddress, nft, ROUTER, wanDown, wanUp } from '../parts/network.mjs';
import { order } from '../parts/simulator-control.mjs';

/** Longer than a control point is kept waiting, shorter than the carrier's grants. */
const LASTS_MS = 15_000;

/** What is going on, by name: one of a kind at a time, for a second would take what the first made for the normal state. */
const lasting = new Map();

/** `begin(world)` → how it is healed. */
const forAWhile = (begin) => async (world, name) => {
  if (lasting.has(name)) return;
  const heal = await begin(world);
  lasting.set(name, { heal, timer: setTimeout(() => end(name), LASTS_MS) });
};

async function end(name) {
  const spell = lasting.get(name);
  if (spell === undefined) return;
  lasting.delete(name);
  clearTimeout(spell.timer);
  await spell.heal();
}

const tellCarrier = (trouble, health) =>
  forAWhile(async ({ control }) => {
    for (const line of trouble) await order(control, line);
    return async () => {
      for (const line of health) await order(control, line);
    };
  });

const deeds = {
  'carrier restarts and says so': ({ control }) => order(control, 'restart announce'),
  'carrier restarts in silence': ({ control }) => order(control, 'restart'),
  'carrier loses half': tellCarrier(['loss 50%'], ['loss 0%']),
  'carrier doubles and reorders': tellCarrier(
    ['duplicates 30%', 'reordering 30%', 'delay 20ms'],
    ['duplicates 0%', 'reordering 0%', 'delay 0ms'],
  ),
  'carrier is silent': tellCarrier(['silent yes'], ['silent no']),
  'the WAN goes and comes back': forAWhile(() => {
    wanDown();
    return wanUp;
  }),
  // "add" first: to delete what somebody has deleted already would be an error.
  'somebody deletes our table': () => nft(ROUTER, 'add table inet igd2pcp\ndelete table inet igd2pcp\n'),
  'somebody reloads the configuration': ({ gateway }) => process.kill(gateway.pid(), 'SIGHUP'),
  'file descriptors run out': forAWhile(({ gateway }) => gateway.takeDescriptors()),
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
  const name = names[Math.floor(world.chance() * names.length)];
  await deeds[name](world, name);
  return name;
}

export async function mendEverything({ generator }) {
  for (const name of [...lasting.keys()]) await end(name);
  await generator.ask('release');
}
