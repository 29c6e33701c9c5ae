// An hour of mixed load with faults at random: memory flat, no handle leak, and at the end the table, the carrier and
// the kernel agree. `node test/bench/soak.mjs [--minutes 60] [--seed 1] [--json FILE]`; root; exit code 1 when it does not hold.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { sleep, startGenerator } from './parts/child.mjs';
import { igd2pcpGateway, simulatedCarrier } from './parts/igd2pcp.mjs';
import { obstacles } from './parts/machine.mjs';
import { clientAddress, inNamespace, makeNetwork, ROUTER, removeNetwork } from './parts/network.mjs';
import { openHandles, residentMiB } from './parts/process-figures.mjs';
import { targetOf } from './parts/scene.mjs';
import { heldMappings, order } from './parts/simulator-control.mjs';
import { slope } from './parts/statistics.mjs';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});
const MINUTES = Number(values.minutes);
const CLIENTS = 16;
const PORTS_EACH = 40;
const FIRST_PORT = 20_000;
const SAMPLE_EVERY_MS = 5000;
const FAULT_EVERY_MS = Math.min(60_000, (MINUTES * 60_000) / 12);
const SETTLE_MS = 150_000;
/** Compiled code and heaps are still growing. */
const WARM_UP_SHARE = 0.25;
/** Less is noise of the collector; a leak of one mapping per Add would be hundreds. */
const MOST_KIB_PER_MINUTE = MINUTES >= 30 ? 20 : 600;
const MOST_HANDLES_GAINED = 8;

async function main() {
  const problems = obstacles();
  if (problems.length > 0) {
    console.error(problems.map((problem) => `soak: ${problem}`).join('\n'));
    return 2;
  }
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
  process.on('exit', removeNetwork);
  makeNetwork();
  const directory = mkdtempSync(join(tmpdir(), 'igdb-'));
  const control = join(directory, 'carrier.sock');
  const carrier = simulatedCarrier({ flags: ['--control', control, '--max-lifetime', '2m'] });
  const gateway = igd2pcpGateway({ nat: 'nftables' });
  const generator = startGenerator();
  try {
    await carrier.start();
    await gateway.start();
    const target = await targetOf({ generator }, gateway);
    const report = await soak({ generator, gateway, target, control, random: seeded(Number(values.seed)) });
    for (const [what, value] of Object.entries(report)) console.log(`${what.padEnd(24)} ${JSON.stringify(value)}`);
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
    return report.complaints.length === 0 ? 0 : 1;
  } finally {
    await generator.stop();
    await gateway.stop();
    await carrier.stop();
    gateway.clean();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function soak(world) {
  const { generator, gateway, target, random } = world;
  const started = performance.now();
  const end = started + MINUTES * 60_000;
  const samples = [];
  const outcomes = {};
  const faults = [];
  let calls = 0;
  let nextSample = started;
  let nextFault = started + FAULT_EVERY_MS;
  while (performance.now() < end) {
    const outcome = await generator.ask('calls', { target, lanes: mixedLoad(random), giveUpMs: 15_000 });
    calls += outcome.latencies.length;
    for (const [code, count] of Object.entries(outcome.errors)) outcomes[code] = (outcomes[code] ?? 0) + count;
    const now = performance.now();
    if (now >= nextSample) {
      nextSample = now + SAMPLE_EVERY_MS;
      samples.push({
        minutes: (now - started) / 60_000,
        mib: residentMiB(gateway.pid()),
        handles: openHandles(gateway.pid()),
      });
    }
    if (now >= nextFault) {
      nextFault = now + FAULT_EVERY_MS;
      faults.push(await breakSomething(world));
    }
    await sleep(20);
  }
  for (const line of ['loss 0%', 'duplicates 0%', 'silent no', 'delay 0']) await order(world.control, line);
  await sleep(Math.min(SETTLE_MS, MINUTES * 60_000));
  return judge(world, { calls, outcomes, faults, samples });
}

/** Every client does something of its own: mostly Adds and Deletes, sometimes a walk through the list. */
function mixedLoad(random) {
  return Array.from({ length: CLIENTS }, (_, client) => {
    const from = clientAddress(client);
    return Array.from({ length: 3 }, () => {
      const port = FIRST_PORT + client * PORTS_EACH + Math.floor(random() * PORTS_EACH);
      const dice = random();
      if (dice < 0.5) return { action: 'AddPortMapping', from, port, lease: random() < 0.5 ? 3600 : 60 };
      if (dice < 0.8) return { action: 'DeletePortMapping', from, port };
      if (dice < 0.95) return { action: 'GetGenericPortMappingEntry', from, index: Math.floor(random() * 50) };
      return { action: 'GetExternalIPAddress', from };
    });
  });
}

async function breakSomething({ control, gateway, generator, random }) {
  const deeds = {
    'carrier restarts and says so': () => order(control, 'restart announce'),
    'carrier restarts in silence': () => order(control, 'restart'),
    'carrier loses a third': () => order(control, 'loss 30%'),
    'carrier is well': () => order(control, 'loss 0%'),
    'somebody flushes the firewall': () => inNamespace(ROUTER, 'nft', 'delete', 'table', 'inet', 'igd2pcp'),
    'a neighbour holds 96 connections': () =>
      generator.ask('hold', { ...gateway.place, from: clientAddress(63), count: 96, text: 'GET / HTTP/1.1\r\n' }),
    'the neighbour lets go': () => generator.ask('release'),
    'a hundred searches': () => generator.ask('search', { count: 100, overMs: 500, mx: 1, target: 'ssdp:all' }),
  };
  const names = Object.keys(deeds);
  const name = names[Math.floor(random() * names.length)];
  await deeds[name]();
  return name;
}

async function judge({ gateway, control }, { calls, outcomes, faults, samples }) {
  const table = (await gateway.mappings()) ?? [];
  const warm = samples.slice(Math.floor(samples.length * WARM_UP_SHARE));
  const kibPerMinute = slope(warm.map(({ minutes, mib }) => [minutes, mib * 1024]));
  const handles = (warm.at(-1)?.handles ?? 0) - (warm[0]?.handles ?? 0);
  const carrier = new Set((await heldMappings(control)).filter(isOurs).map(nameOf));
  const here = new Set(table.map((row) => `${row.protocol} ${row.assignedPort}`));
  const kernel = kernelPorts();
  const nat1 = new Set(table.map((row) => `${row.protocol} ${row.nat1Port}`));
  const complaints = [
    ...missing(here, carrier, 'not at the carrier'),
    ...missing(carrier, here, 'only at the carrier'),
    ...missing(nat1, kernel, 'not in the kernel'),
    ...missing(kernel, nat1, 'only in the kernel'),
    ...(kibPerMinute > MOST_KIB_PER_MINUTE ? [`memory grows by ${kibPerMinute.toFixed(1)} KiB a minute`] : []),
    ...(handles > MOST_HANDLES_GAINED ? [`${handles} more open handles`] : []),
  ];
  return {
    minutes: MINUTES,
    calls,
    errors: outcomes,
    faults,
    mappings: table.length,
    'MiB at the start': warm[0]?.mib,
    'MiB at the end': warm.at(-1)?.mib,
    'KiB per minute': kibPerMinute,
    'handles gained': handles,
    complaints,
  };
}

const missing = (wanted, present, what) =>
  [...wanted].filter((name) => !present.has(name)).map((name) => `${name} ${what}`);
const nameOf = ({ protocol, externalPort }) => `${protocol} ${externalPort}`;
/** Port 9 shows the external address (RFC 6970 §4.2). */
const isOurs = ({ internalPort }) => internalPort !== 9;

function kernelPorts() {
  const { nftables } = JSON.parse(inNamespace(ROUTER, 'nft', '-j', 'list', 'map', 'inet', 'igd2pcp', 'in'));
  const elements = nftables.find((row) => row.map !== undefined)?.map.elem ?? [];
  return new Set(
    elements.map(([key]) => {
      const [, protocol, port] = (key.elem?.val ?? key).concat;
      return `${protocol.toUpperCase()} ${port}`;
    }),
  );
}

function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

process.exitCode = await main();
