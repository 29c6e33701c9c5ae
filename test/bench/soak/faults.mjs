// What goes wrong in a house in an hour.

import { sleep } from '../parts/child.mjs';
import { clientAddress, nft, ROUTER, wanDown, wanUp } from '../parts/network.mjs';
import { order } from '../parts/simulator-control.mjs';

const HEALTHY = ['loss 0%', 'duplicates 0%', 'reordering 0%', 'silent no', 'delay 0ms'];
const SILENCE_MS = 6000;

const deeds = {
  'carrier restarts and says so': ({ control }) => order(control, 'restart announce'),
  'carrier restarts in silence': ({ control }) => order(control, 'restart'),
  'carrier loses half': ({ control }) => order(control, 'loss 50%'),
  'carrier doubles and reorders': async ({ control }) => {
    for (const line of ['duplicates 30%', 'reordering 30%', 'delay 20ms']) await order(control, line);
  },
  'carrier is well': mendCarrier,
  'carrier is silent for a while': async ({ control }) => {
    await order(control, 'silent yes');
    await sleep(SILENCE_MS);
    await order(control, 'silent no');
  },
  'the WAN goes and comes back': async () => {
    wanDown();
    await sleep(SILENCE_MS);
    wanUp();
  },
  // "add" first: to delete what somebody has deleted already would be an error.
  'somebody deletes our table': () => nft(ROUTER, 'add table inet igd2pcp\ndelete table inet igd2pcp\n'),
  'somebody reloads the configuration': ({ gateway }) => process.kill(gateway.pid(), 'SIGHUP'),
  'a neighbour holds 96 connections': ({ gateway, generator }) =>
    generator.ask('hold', { ...gateway.place, from: clientAddress(63), count: 96, text: 'GET / HTTP/1.1\r\n' }),
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

export async function mendEverything(world) {
  await mendCarrier(world);
  await world.generator.ask('release');
}

async function mendCarrier({ control }) {
  for (const line of HEALTHY) await order(control, line);
}
