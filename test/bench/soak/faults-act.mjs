// Mixed load with faults at random. Memory must stay flat and no handle may leak; then the daemon is killed and ended under load,
// and at the end what was promised, the table, the carrier and the kernel must agree.

import { sleep } from '../parts/child.mjs';
import { igd2pcpGateway } from '../parts/igd2pcp.mjs';
import { openHandles, residentMiB } from '../parts/process-figures.mjs';
import { targetOf } from '../parts/scene.mjs';
import { disagreements } from './agreement.mjs';
import { breakSomething, mendEverything } from './faults.mjs';
import { growthOf } from './growth.mjs';
import { mixedLoad, PATIENCE_MS } from './mixed-load.mjs';
import { SETTLE_MS } from './stage.mjs';

const SAMPLE_EVERY_MS = 5000;
const FAULTS_AT_MOST_EVERY_MS = 60_000;
const FAULTS_AT_LEAST = 24;
const TELL_EVERY_MS = 60_000;
const ENDS_UNDER_LOAD = ['SIGKILL', 'SIGTERM', 'SIGKILL'];

export const faultsAct = {
  gateway: () => igd2pcpGateway({ nat: 'nftables' }),
  play,
};

async function play(world, lengthMs) {
  const run = { calls: 0, outcomes: {}, faults: {}, samples: [] };
  await loadWithFaults(world, lengthMs, run);
  await settle(world);
  const growth = growthOf(run.samples);
  const complaints = [...growth.complaints, ...(await disagreements(world, 'after the load'))];
  for (const signal of ENDS_UNDER_LOAD) complaints.push(...(await endUnderLoad(world, signal, run)));
  await settle(world);
  complaints.push(...(await disagreements(world, 'after the restarts')));
  const [first, last] = [run.samples[0], run.samples.at(-1)];
  return {
    minutes: lengthMs / 60_000,
    calls: run.calls,
    'errors by code': run.outcomes,
    faults: run.faults,
    'ended under load by': ENDS_UNDER_LOAD,
    'MiB, first and last': [rounded(first?.mib), rounded(last?.mib)],
    'handles, first and last': [first?.handles, last?.handles],
    'MiB gained when warm': rounded(growth.mib),
    ...(growth.kibPerMinute === undefined ? {} : { 'KiB a minute': rounded(growth.kibPerMinute) }),
    'handles gained': growth.handles,
    'mappings at the end': (await world.gateway.mappings())?.length,
    'promises to be kept': world.ledger.promisedNow().length,
    'of them lost, and said so': world.ledger.lostBy(world.gateway.logFile).length,
    complaints,
  };
}

async function loadWithFaults(world, lengthMs, run) {
  const faultEvery = Math.min(FAULTS_AT_MOST_EVERY_MS, lengthMs / FAULTS_AT_LEAST);
  const started = performance.now();
  let nextSample = started;
  let nextFault = started + faultEvery;
  let nextWord = started + TELL_EVERY_MS;
  for (let now = started; now < started + lengthMs; now = performance.now()) {
    await work(world, run);
    if (now >= nextSample) {
      nextSample = now + SAMPLE_EVERY_MS;
      const pid = world.gateway.pid();
      run.samples.push({ minutes: (now - started) / 60_000, mib: residentMiB(pid), handles: openHandles(pid) });
    }
    if (now >= nextFault) {
      nextFault = now + faultEvery;
      const name = await breakSomething(world);
      run.faults[name] = (run.faults[name] ?? 0) + 1;
    }
    if (now >= nextWord) {
      nextWord = now + TELL_EVERY_MS;
      tell(`${Math.round((now - started) / 60_000)} of ${Math.round(lengthMs / 60_000)} min`, run);
    }
    await sleep(20);
  }
}

async function work(world, run) {
  const { generator, target, ledger, random } = world;
  const lanes = mixedLoad(random);
  const outcome = await generator.ask('calls', { target, lanes, giveUpMs: PATIENCE_MS, wantEach: true });
  ledger.note(lanes, outcome.each);
  run.calls += lanes.flat().length;
  for (const [code, count] of Object.entries(outcome.errors)) run.outcomes[code] = (run.outcomes[code] ?? 0) + count;
}

/** In the middle of what the control points ask; then it comes back with what it left on the disk and in the kernel. */
async function endUnderLoad(world, signal, run) {
  const { gateway, generator } = world;
  const working = work(world, run);
  await sleep(5 + world.random() * 40);
  const exitCode = await gateway.stop(signal);
  await working;
  await gateway.resume();
  await targetOf({ generator }, gateway);
  tell(`ended by ${signal} and started again`, run);
  return signal === 'SIGTERM' && exitCode !== 0 ? [`${signal}: no end in peace, exit code ${exitCode}`] : [];
}

async function settle(world) {
  await mendEverything(world);
  tell(`letting ${SETTLE_MS / 1000} s pass`);
  await sleep(SETTLE_MS);
}

/** To a tenth. */
function rounded(figure) {
  return figure === undefined ? undefined : Math.round(figure * 10) / 10;
}

function tell(what, run) {
  const last = run?.samples.at(-1);
  const soFar = run === undefined ? '' : `, ${run.calls} calls, ${last?.mib.toFixed(1)} MiB, ${last?.handles} handles`;
  process.stderr.write(`soak: ${what}${soFar}\n`);
}
