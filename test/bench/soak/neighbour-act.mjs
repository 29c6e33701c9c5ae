// Honest control points and an operator beside a hostile machine of the house and a forger on the way to the carrier. The daemon
// runs with the limits it is shipped with. The carrier is well all the time, so every honest call has to succeed, and in time.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileBeside, sleep, startOrderTaker } from '../parts/child.mjs';
import { igd2pcpGateway } from '../parts/igd2pcp.mjs';
import { addHostileMachines, clientAddress, NEIGHBOUR, ROUTER_LAN, separateClients } from '../parts/network.mjs';
import { effort, highestResidentMiB, openHandles, residentMiB } from '../parts/process-figures.mjs';
import { median, percentile } from '../parts/statistics.mjs';
import { disagreements } from './agreement.mjs';
import { CLIENTS, mixedLoad, PATIENCE_MS } from './mixed-load.mjs';
import {
  forgedAnnouncements,
  forgedMismatches,
  forgedRefusals,
  forgedRefusalsFromTheLan,
  forgedUnreachables,
  startRawSenders,
} from './neighbour/forgeries.mjs';
import { SETTLE_MS } from './stage.mjs';

/** A control point waits ten seconds and more; what a person waits for should come sooner. */
const HONEST_WITHIN_MS = 2500;
/** A machine with other work to do is slow without any attack. */
const TIMES_AS_SLOW_AS_WHEN_CALM = 5;
/** As control points ask at most: below the 240 changes that a host may ask for in a minute. */
const ROUND_EVERY_MS = 1000;
const CALM_MS = 12_000;
const SHORTEST_ATTACK_MS = 5000;
const LONGEST_ATTACK_MS = 60_000;
/** Longer than a silent connection is borne. */
const UNTIL_SILENCE_IS_CUT_OFF_MS = 12_000;
/** Two thousand Adds, beside everybody else's. */
const UNTIL_ALL_IS_ASKED_FOR_MS = 15_000;
const OPERATOR_EVERY_ROUNDS = 3;
/** The service description is the longest answer there is. */
const LONG_ANSWER = '/scpd/WANIPConnection2.xml';
const ADMIN = { host: ROUTER_LAN, port: 5080 };
const TOKEN = 'as-long-as-a-token-should-be';
const OPERATORS_PORT = 29_999;

const MOST_MIB = 160;
const MOST_MIB_LEFT_BEHIND = 24;
const MOST_HANDLES_LEFT_BEHIND = 8;
/** Of one attack, from sixteen addresses. */
const MOST_GUESSES_JUDGED = 200;

/** 714 and 713: it was not there, which a control point that deletes and lists at random may well hear. */
const HONEST_ANSWERS = {
  AddPortMapping: ['ok'],
  DeletePortMapping: ['ok', '714'],
  GetGenericPortMappingEntry: ['ok', '713'],
  GetExternalIPAddress: ['ok'],
};

const fromTheLan = (name) => (hostile, forMs) =>
  hostile.neighbour.ask(name, {
    forMs,
    gateway: { ...hostile.gateway.place, path: LONG_ANSWER },
    target: hostile.target,
    admin: ADMIN,
  });
const forged = (attack) => (hostile, forMs) => attack(hostile.senders, performance.now() + forMs);

const ATTACKS = [
  { name: 'pipelining', run: fromTheLan('pipelining') },
  { name: 'slow readers', run: fromTheLan('slowReaders') },
  { name: 'half requests', run: fromTheLan('halfRequests') },
  {
    name: 'M-POST, then silence',
    run: fromTheLan('mandatoryPosts'),
    atLeastMs: UNTIL_SILENCE_IS_CUT_OFF_MS,
    complaint: ({ stillOpen }) => stillOpen > 0 && `${stillOpen} silent connections are still open after 12 s`,
  },
  { name: 'heads of 100 KB', run: fromTheLan('longHeads') },
  {
    name: 'token guesses',
    run: fromTheLan('tokenGuesses'),
    complaint: ({ counts }) => counts[401] > MOST_GUESSES_JUDGED && `${counts[401]} guesses of the token were judged`,
  },
  { name: 'alias addresses', run: fromTheLan('aliasMappings'), atLeastMs: UNTIL_ALL_IS_ASKED_FOR_MS },
  { name: 'subscriptions', run: fromTheLan('subscriptions') },
  { name: 'searches', run: fromTheLan('searches') },
  { name: 'forged ICMP', run: forged(forgedUnreachables) },
  { name: 'forged ANNOUNCE', run: forged(forgedAnnouncements) },
  { name: 'forged refusals', run: forged(forgedRefusals) },
  { name: 'forged mismatches', run: forged(forgedMismatches) },
  { name: 'refusals from the LAN', run: forged(forgedRefusalsFromTheLan) },
];

export const neighbourAct = {
  gateway(directory) {
    separateClients(CLIENTS);
    addHostileMachines();
    const tokenFile = join(directory, 'token');
    writeFileSync(tokenFile, TOKEN, { mode: 0o600 });
    const admin = `${ADMIN.host}:${ADMIN.port}`;
    return igd2pcpGateway({ nat: 'nftables', policy: [], admin, flags: ['--admin-token-file', tokenFile] });
  },
  play,
};

async function play(world, lengthMs) {
  const senders = startRawSenders();
  const neighbour = startOrderTaker(NEIGHBOUR, fileBeside('neighbour/neighbour.mjs', import.meta.url));
  const hostile = { ...world, senders, neighbour };
  const run = { rounds: 0, calls: 0, complaints: [], attacks: {}, withinMs: PATIENCE_MS };
  try {
    const calm = newSamples();
    for (const end = performance.now() + CALM_MS; performance.now() < end; )
      await honestRound(world, run, calm, 'calm');
    run.withinMs = Math.max(HONEST_WITHIN_MS, TIMES_AS_SLOW_AS_WHEN_CALM * percentile(calm.tookMs, 0.99));
    const under = newSamples();
    await attackInTurn(hostile, lengthMs - CALM_MS, run, under);
    return await judged(world, run, calm, under);
  } finally {
    await Promise.all([neighbour.stop(), senders.stop()]);
  }
}

async function attackInTurn(hostile, lengthMs, run, samples) {
  const end = performance.now() + lengthMs;
  const forMs = Math.max(SHORTEST_ATTACK_MS, lengthMs / ATTACKS.length);
  for (let turn = 0; performance.now() < end || turn < ATTACKS.length; turn += 1) {
    const attack = ATTACKS[turn % ATTACKS.length];
    const endsLater = Math.max(Math.min(forMs, LONGEST_ATTACK_MS), attack.atLeastMs ?? 0);
    const pid = hostile.gateway.pid();
    const [began, cpuBefore] = [performance.now(), effort(pid).cpuSeconds];
    let isOver = false;
    const attacking = attack.run(hostile, endsLater).finally(() => {
      isOver = true;
    });
    // Until it is awaited below.
    attacking.catch(() => {});
    const before = run.complaints.length;
    const latencies = newSamples();
    do await honestRound(hostile, run, latencies, attack.name);
    while (!isOver);
    const figures = await attacking;
    if (!isAlive(pid)) return run.complaints.push(`${attack.name}: the daemon has ended`);
    const cpuPercent = Math.round((effort(pid).cpuSeconds - cpuBefore) / ((performance.now() - began) / 100_000));
    for (const kind of Object.keys(samples)) samples[kind].push(...latencies[kind]);
    const complaint = attack.complaint?.(figures);
    if (complaint) run.complaints.push(`${attack.name}: ${complaint}`);
    run.attacks[attack.name] = { ...figures, cpuPercent, honestWorstMs: Math.round(Math.max(...latencies.tookMs)) };
    const verdict = run.complaints.length === before ? 'held' : 'DID NOT HOLD';
    process.stderr.write(`soak: ${attack.name}: ${verdict} ${JSON.stringify(run.attacks[attack.name])}\n`);
    for (const text of run.complaints.slice(before, before + 3)) process.stderr.write(`soak:   ${text}\n`);
  }
}

const newSamples = () => ({ tookMs: [], mib: [], handles: [] });

/** What everybody asks in a second, and what the daemon takes for it. */
async function honestRound(world, run, samples, during) {
  const began = performance.now();
  const { generator, target, ledger, gateway } = world;
  const lanes = mixedLoad(world.random);
  const outcome = await generator.ask('calls', { target, lanes, giveUpMs: PATIENCE_MS, wantEach: true });
  ledger.note(lanes, outcome.each);
  for (const [at, lane] of lanes.entries()) {
    for (const [index, call] of lane.entries()) {
      note(run, samples, during, call, outcome.each[at][index], outcome.tookMs[at][index]);
    }
  }
  if (run.rounds % OPERATOR_EVERY_ROUNDS === 0) await operatorAdds(world, run, samples, during);
  run.rounds += 1;
  if (isAlive(gateway.pid())) {
    samples.mib.push(residentMiB(gateway.pid()));
    samples.handles.push(openHandles(gateway.pid()));
  }
  await sleep(Math.max(0, ROUND_EVERY_MS - (performance.now() - began)));
}

function note(run, samples, during, { action, from }, outcome, tookMs) {
  run.calls += 1;
  samples.tookMs.push(tookMs);
  if (!HONEST_ANSWERS[action].includes(outcome)) run.complaints.push(`${during}: ${action} of ${from}: ${outcome}`);
  else if (tookMs > run.withinMs) run.complaints.push(`${during}: ${action} of ${from} took ${Math.round(tookMs)} ms`);
}

/** From a LAN host with the right token. */
async function operatorAdds({ generator }, run, samples, during) {
  const order = {
    protocol: 'TCP',
    externalPort: OPERATORS_PORT,
    internalAddress: clientAddress(CLIENTS),
    internalPort: OPERATORS_PORT,
  };
  const body = JSON.stringify(order);
  const text =
    `POST /api/mappings HTTP/1.1\r\nHost: ${ADMIN.host}:${ADMIN.port}\r\nAuthorization: Bearer ${TOKEN}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
  const from = clientAddress(CLIENTS);
  const answer = await generator.ask('say', { ...ADMIN, from, text, giveUpMs: PATIENCE_MS });
  samples.tookMs.push(answer.tookMs);
  if (answer.status !== 200 && answer.status !== 201)
    run.complaints.push(`${during}: the operator was answered ${answer.status ?? answer.problem}`);
}

async function judged(world, run, calm, under) {
  const { gateway, ledger } = world;
  process.stderr.write(`soak: letting ${SETTLE_MS / 1000} s pass\n`);
  await sleep(SETTLE_MS);
  const complaints = shortened(run.complaints);
  const report = (more) => ({
    calls: run.calls,
    'each within ms': Math.round(run.withinMs),
    attacks: run.attacks,
    'honest ms, calm': spread(calm.tookMs),
    'honest ms, under attack': spread(under.tookMs),
    'ratio p50, p99': [50, 99].map((share) =>
      rounded(percentile(under.tookMs, share / 100) / percentile(calm.tookMs, share / 100)),
    ),
    ...more,
    complaints,
  });
  if (!isAlive(gateway.pid())) return report({});
  const mib = { calm: median(calm.mib), most: highestResidentMiB(gateway.pid()), after: residentMiB(gateway.pid()) };
  const handles = {
    calm: Math.min(...calm.handles),
    most: Math.max(...under.handles),
    after: openHandles(gateway.pid()),
  };
  if (mib.most > MOST_MIB) complaints.push(`${Math.round(mib.most)} MiB at the worst moment`);
  if (mib.after - mib.calm > MOST_MIB_LEFT_BEHIND)
    complaints.push(`${Math.round(mib.after - mib.calm)} MiB are left behind`);
  if (handles.after - handles.calm > MOST_HANDLES_LEFT_BEHIND)
    complaints.push(`${handles.after - handles.calm} handles are left behind`);
  const lost = ledger.lostBy(gateway.logFile);
  if (lost.length > 0) complaints.push(`${lost.length} mappings of honest clients were lost, such as ${lost[0].name}`);
  complaints.push(...(await disagreements(world, 'after the attacks')));
  return report({ MiB: mapped(mib), handles, 'promises kept': ledger.promisedNow().length });
}

/** The first of each attack say what it is about. */
function shortened(complaints) {
  const most = 5;
  return [...groupByAttack(complaints)].flatMap(([attack, all]) =>
    all.length > most ? [...all.slice(0, most), `${attack}: and ${all.length - most} more`] : all,
  );
}

function groupByAttack(complaints) {
  const groups = new Map();
  for (const text of complaints) {
    const attack = text.split(':')[0];
    groups.set(attack, [...(groups.get(attack) ?? []), text]);
  }
  return groups;
}

const spread = (samples) => [0.5, 0.95, 0.99, 1].map((share) => Math.round(percentile(samples, share)));
const rounded = (figure) => Math.round(figure * 10) / 10;
const mapped = (figures) => Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, rounded(value)]));

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
