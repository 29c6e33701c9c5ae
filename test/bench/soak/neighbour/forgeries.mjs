// What can be sent in another's name by machines that know neither the daemon's PCP port nor its nonces: a forger on the
// carrier's side of the router, and the neighbour on the LAN. One attack per function; each returns what was sent.

import { createInterface } from 'node:readline';
import { fileBeside, sleep, stopChild } from '../../parts/child.mjs';
import { CARRIER_INSIDE, FORGER, NEIGHBOUR, neighbourAddress, ROUTER_WAN, spawnIn } from '../../parts/network.mjs';
import {
  ADDRESS_MISMATCH_TO_ANNOUNCE,
  I_SPEAK_NAT_PMP,
  portUnreachable,
  RESTARTED,
  udpPacket,
  VERSION_2_IS_UNKNOWN,
} from './forged-packets.mjs';

const SERVER = { address: CARRIER_INSIDE, port: 5351 };
/** RFC 6887 §14.1.1. */
const ALL_PCP_CLIENTS = { address: '224.0.0.1', port: 5350 };
/** Linux takes the ports of clients from here. */
const CLIENT_PORTS = { first: 32_768, count: 28_232 };
const PORTS_AT_ONCE = 512;
const ANNOUNCEMENTS = 20;
const PAUSE_MS = 100;

export function startRawSenders() {
  const [onTheWan, onTheLan] = [FORGER, NEIGHBOUR].map(startRawSender);
  return { onTheWan, onTheLan, stop: () => Promise.all([onTheWan, onTheLan].map(({ stop }) => stop())) };
}

function startRawSender(namespace) {
  const child = spawnIn(namespace, ['python3', fileBeside('raw-sender.py', import.meta.url)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async send(packets) {
      child.stdin.write(`${packets.map((packet) => packet.toString('hex')).join('\n')}\n\n`);
      if ((await lines.next()).done) throw new Error('the raw sender is gone: is python3 installed?');
    },
    stop: () => stopChild(child),
  };
}

/** A forger on the WAN announces a restart of the carrier's server again and again. */
export async function forgedAnnouncements({ onTheWan }, until) {
  let packets = 0;
  for (; packets < ANNOUNCEMENTS && performance.now() < until; packets += 1) {
    await onTheWan.send([udpPacket(SERVER, ALL_PCP_CLIENTS, RESTARTED)]);
    await sleep(PAUSE_MS);
  }
  return { packets };
}

/** "I do not know your version", to every port that the daemon may ask from, behind an announcement that makes it ask. */
export const forgedRefusals = ({ onTheWan }, until) =>
  sweep(onTheWan, until, [I_SPEAK_NAT_PMP, VERSION_2_IS_UNKNOWN], [udpPacket(SERVER, ALL_PCP_CLIENTS, RESTARTED)]);

/** "There is a NAT between us", which would send the daemon looking for another server. */
export const forgedMismatches = ({ onTheWan }, until) =>
  sweep(onTheWan, until, [ADDRESS_MISMATCH_TO_ANNOUNCE], [udpPacket(SERVER, ALL_PCP_CLIENTS, RESTARTED)]);

/** The same refusals from a LAN host that uses the carrier's address. */
export const forgedRefusalsFromTheLan = ({ onTheLan }, until) =>
  sweep(onTheLan, until, [I_SPEAK_NAT_PMP, ADDRESS_MISMATCH_TO_ANNOUNCE]);

/** A LAN host says that nobody listens at the carrier's PCP port. */
export const forgedUnreachables = ({ onTheLan }, until) =>
  overAllPorts(onTheLan, until, (port) => [
    portUnreachable(neighbourAddress(0), { address: ROUTER_WAN, port }, SERVER),
  ]);

function sweep(sender, until, payloads, first = []) {
  const packetsFor = (port) => payloads.map((payload) => udpPacket(SERVER, { address: ROUTER_WAN, port }, payload));
  return overAllPorts(sender, until, packetsFor, first);
}

async function overAllPorts(sender, until, packetsFor, first = []) {
  let packets = 0;
  while (performance.now() < until) {
    await sender.send(first);
    for (let at = 0; at < CLIENT_PORTS.count && performance.now() < until; at += PORTS_AT_ONCE) {
      const ports = Array.from({ length: PORTS_AT_ONCE }, (_, index) => CLIENT_PORTS.first + at + index);
      const burst = ports.flatMap(packetsFor);
      await sender.send(burst);
      packets += burst.length;
      // The receiver's queue is what has to be got past, not its processor.
      await sleep(5);
    }
  }
  return { packets };
}
