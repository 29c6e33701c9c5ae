// `npm run bench`: igd2pcp and Debian's miniupnpd side by side, in network namespaces of their own. Needs root.
// What is measured, and what came out, is in the README beside this file. Figures are judged by people, never by tests.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { fileBeside, sleep, startGenerator, stopChild } from './parts/child.mjs';
import { add, mustSucceed, range } from './parts/load.mjs';
import { describeMachine, obstacles } from './parts/machine.mjs';
import { makeNetwork, ROUTER, ROUTER_LAN, removeNetwork, spawnIn } from './parts/network.mjs';
import { judge, printGoals, printScenario } from './parts/report.mjs';
import { inRounds } from './parts/rounds.mjs';
import { addLatency } from './scenarios/add-latency.mjs';
import { fillAndDrain } from './scenarios/fill-and-drain.mjs';
import { listing } from './scenarios/listing.mjs';
import { memory } from './scenarios/memory.mjs';
import { quiet } from './scenarios/quiet.mjs';
import { recovery } from './scenarios/recovery.mjs';
import { start } from './scenarios/start.mjs';
import { storm } from './scenarios/storm.mjs';

const SCENARIOS = [addLatency, fillAndDrain, storm, listing, memory, start, recovery, quiet];

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    subject: { type: 'string' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log(`npm run bench -- [--quick] [--rounds N] [--only NAME]… [--subject NAME] [--json FILE]
  scenarios: ${SCENARIOS.map((scenario) => scenario.name).join(', ')}`);
} else {
  process.exitCode = await main();
}

async function main() {
  const problems = obstacles();
  if (problems.length > 0) {
    console.error(problems.map((problem) => `bench: ${problem}`).join('\n'));
    return 2;
  }
  const wanted = SCENARIOS.filter(({ name }) => values.only === undefined || values.only.includes(name));
  const machine = describeMachine();
  for (const [what, value] of Object.entries(machine)) if (value !== '') console.log(`${what.padEnd(12)} ${value}`);
  // Whatever ends this process, its namespaces go, too.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
  process.on('exit', removeNetwork);
  makeNetwork();
  const generator = startGenerator();
  const bench = {
    generator,
    rounds: values.quick ? 1 : Number(values.rounds),
    isQuick: values.quick,
    only: { subject: values.subject },
    tell: (line) => process.stderr.write(`${line}\n`),
  };
  try {
    machine.generatorCallsPerSecond = await generatorCeiling(generator);
    const all = {};
    const goals = [];
    for (const scenario of wanted) {
      all[scenario.name] = await inRounds(bench, scenario);
      printScenario(scenario, all[scenario.name]);
      goals.push(...judge(scenario, all[scenario.name]));
    }
    printGoals(goals);
    if (values.json !== undefined) {
      writeFileSync(
        values.json,
        `${JSON.stringify({ machine, rounds: bench.rounds, results: all, goals }, null, 2)}\n`,
      );
    }
    return 0;
  } finally {
    await generator.stop();
  }
}

/** A figure near this one would say more about the generator than about the daemon. */
async function generatorCeiling(generator) {
  const file = fileBeside('./parts/null-server.mjs', import.meta.url);
  const server = spawnIn(ROUTER, [process.execPath, file, ROUTER_LAN, '5999'], { core: 0, stdio: 'inherit' });
  const target = { host: ROUTER_LAN, port: 5999, path: '/', serviceType: 'none' };
  const rates = {};
  await sleep(300);
  for (const connections of [1, 16]) {
    await mustSucceed(generator, target, range(0, 500).map(add), connections);
    const outcome = await mustSucceed(generator, target, range(0, 2000).map(add), connections);
    rates[connections] = Math.round((2000 / outcome.wallMs) * 1000);
    console.log(`generator    ${rates[connections]} calls/s at most, ${connections} connection(s)`);
  }
  await stopChild(server);
  return rates;
}
