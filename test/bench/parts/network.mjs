// The bench's own little world: four network namespaces joined by veth pairs, made before and deleted after.
//
//   clients 192.168.77.10+ ── lan0 [router] wan0 100.64.0.2 ── 100.64.0.1 [carrier] 1.2.3.4 ── 1.2.3.9 [internet]
//
// Nothing outside these namespaces is touched. They carry the process id, so that two runs do not clear away each other's.

import { execFileSync, spawn } from 'node:child_process';

const OURS = /^igdb-(\d+)-/;
const PREFIX = `igdb-${process.pid}-`;
export const CLIENTS = `${PREFIX}clients`;
export const ROUTER = `${PREFIX}router`;
export const CARRIER = `${PREFIX}carrier`;
export const INTERNET = `${PREFIX}internet`;
/** A machine of the house that means harm, and one between the router and its carrier. */
export const NEIGHBOUR = `${PREFIX}neighbour`;
export const FORGER = `${PREFIX}forger`;

export const ROUTER_LAN = '192.168.77.1';
export const ROUTER_WAN = '100.64.0.2';
export const CARRIER_INSIDE = '100.64.0.1';
/** miniupnpd refuses documentation prefixes as an external address; nobody uses 1.2.3.0/24. */
export const CARRIER_OUTSIDE = '1.2.3.4';
export const INTERNET_HOST = '1.2.3.9';

export const CLIENT_COUNT = 64;
export const clientAddress = (index) => `192.168.77.${10 + (index % CLIENT_COUNT)}`;

export const NEIGHBOUR_ALIASES = 16;
export const neighbourAddress = (index) => `192.168.77.${200 + (index % NEIGHBOUR_ALIASES)}`;
const FORGER_ADDRESS = '100.64.0.66';

const run = (command, args, input) =>
  execFileSync(command, args, { input: input ?? '', stdio: ['pipe', 'pipe', 'pipe'], encoding: 'utf8' });

export const inNamespace = (namespace, ...argv) => run('ip', ['netns', 'exec', namespace, ...argv]);

/** A namespace lives as long as a program in it: what still runs when the network goes is ended with it. */
const running = new Set();

/** `core`: pins the program and its children. */
export function spawnIn(namespace, argv, options = {}) {
  const { core, ...rest } = options;
  const pinned = core === undefined ? argv : ['taskset', '-c', String(core), ...argv];
  // `ip netns exec` becomes the program itself: the process id is the program's.
  const child = spawn('ip', ['netns', 'exec', namespace, ...pinned], rest);
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

export function makeNetwork() {
  removeNetwork();
  for (const name of [CLIENTS, ROUTER, CARRIER, INTERNET]) {
    run('ip', ['netns', 'add', name]);
    run('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
  }
  join(CLIENTS, 'c0', ROUTER, 'lan0');
  join(ROUTER, 'wan0', CARRIER, 'in0');
  join(CARRIER, 'out0', INTERNET, 'net0');
  address(ROUTER, 'lan0', `${ROUTER_LAN}/24`);
  address(ROUTER, 'wan0', `${ROUTER_WAN}/24`);
  address(CARRIER, 'in0', `${CARRIER_INSIDE}/24`);
  address(CARRIER, 'out0', `${CARRIER_OUTSIDE}/24`);
  address(INTERNET, 'net0', `${INTERNET_HOST}/24`);
  for (let index = 0; index < CLIENT_COUNT; index += 1) address(CLIENTS, 'c0', `${clientAddress(index)}/24`);
  run('ip', ['-n', CLIENTS, 'route', 'add', 'default', 'via', ROUTER_LAN]);
  routeToCarrier();
  run('ip', ['-n', INTERNET, 'route', 'add', 'default', 'via', CARRIER_OUTSIDE]);
  for (const name of [ROUTER, CARRIER]) inNamespace(name, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
}

/** The first `count` clients become hosts of their own to the router: each has a hardware address. */
export function separateClients(count) {
  const lines = [];
  for (let index = 0; index < count; index += 1) {
    const [own, link, table] = [clientAddress(index), `m${index}`, 100 + index];
    lines.push(
      `address delete ${own}/24 dev c0`,
      `link add link c0 name ${link} type macvlan mode bridge`,
      `link set ${link} up`,
      `address add ${own}/32 dev ${link}`,
      `rule add from ${own} lookup ${table}`,
      `route add 192.168.77.0/24 dev ${link} src ${own} table ${table}`,
    );
  }
  // An interface must not answer for an address of another one, nor ask in its name.
  inNamespace(CLIENTS, 'sysctl', '-qw', 'net.ipv4.conf.all.arp_ignore=1', 'net.ipv4.conf.all.arp_announce=2');
  inNamespace(
    CLIENTS,
    'sysctl',
    '-qw',
    'net.ipv4.conf.all.promote_secondaries=1',
    'net.ipv4.conf.c0.promote_secondaries=1',
  );
  run('ip', ['-n', CLIENTS, '-batch', '-'], `${lines.join('\n')}\n`);
}

/** One hardware address with many IP addresses on the LAN, and a sender on the link to the carrier. */
export function addHostileMachines() {
  for (const name of [NEIGHBOUR, FORGER]) {
    run('ip', ['netns', 'add', name]);
    run('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
  }
  beside(CLIENTS, 'c0', NEIGHBOUR, 'n0');
  beside(CARRIER, 'in0', FORGER, 'f0');
  for (let index = 0; index < NEIGHBOUR_ALIASES; index += 1) address(NEIGHBOUR, 'n0', `${neighbourAddress(index)}/24`);
  address(FORGER, 'f0', `${FORGER_ADDRESS}/24`);
  run('ip', ['-n', NEIGHBOUR, 'route', 'add', 'default', 'via', ROUTER_LAN]);
}

/** What the kernel forgets when the WAN interface goes down. */
const routeToCarrier = () => run('ip', ['-n', ROUTER, 'route', 'replace', 'default', 'via', CARRIER_INSIDE]);

export const wanDown = () => run('ip', ['-n', ROUTER, 'link', 'set', 'wan0', 'down']);
export function wanUp() {
  run('ip', ['-n', ROUTER, 'link', 'set', 'wan0', 'up']);
  routeToCarrier();
}

/** This run's, and those of runs that ended without removing them. */
export function removeNetwork() {
  for (const child of running) child.kill('SIGKILL');
  for (const line of run('ip', ['netns', 'list']).split('\n')) {
    const name = line.split(' ')[0];
    const owner = Number(OURS.exec(name)?.[1]);
    if (owner === process.pid || (owner > 0 && !isAlive(owner))) run('ip', ['netns', 'delete', name]);
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

export const nft = (namespace, text) => run('ip', ['netns', 'exec', namespace, 'nft', '-f', '-'], text);

/** Every table: what one subject leaves behind must not slow down the next. */
export const flushRules = (namespace) => nft(namespace, 'flush ruleset\n');

function join(left, leftName, right, rightName) {
  run('ip', ['link', 'add', leftName, 'netns', left, 'type', 'veth', 'peer', 'name', rightName, 'netns', right]);
  run('ip', ['-n', left, 'link', 'set', leftName, 'up']);
  run('ip', ['-n', right, 'link', 'set', rightName, 'up']);
}

/** Another machine on the same wire. */
function beside(namespace, link, guest, guestLink) {
  const kind = ['type', 'macvlan', 'mode', 'bridge'];
  run('ip', ['-n', namespace, 'link', 'add', 'link', link, 'name', guestLink, 'netns', guest, ...kind]);
  run('ip', ['-n', guest, 'link', 'set', guestLink, 'up']);
}

function address(namespace, link, text) {
  run('ip', ['-n', namespace, 'address', 'add', text, 'dev', link]);
}
