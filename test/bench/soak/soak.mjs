// `npm run soak`: two acts, each with a daemon of its own. "faults": mixed load while things break at random. "neighbour": honest
// control points beside a hostile machine of the house and a forger on the way to the carrier. Needs root and Debian; packages
// that are missing are installed. Exit code 0: all held; 1: not; 2: cannot run here.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { FOR_THE_SOAK, prepare } from '../../lab/prepare.mjs';
import { obstacles } from '../parts/machine.mjs';
import { makeNetwork, removeNetwork } from '../parts/network.mjs';
import { faultsAct } from './faults-act.mjs';
import { neighbourAct } from './neighbour-act.mjs';
import { onStage } from './stage.mjs';

const ACTS = { neighbour: neighbourAct, faults: faultsAct };
const USAGE = `usage: npm run soak -- [--minutes 60] [--act ${Object.keys(ACTS).join('|')}] [--seed 1] [--json FILE]`;

process.exitCode = await main();

async function main() {
  const options = readOptions();
  const problem = options === undefined ? USAGE : (prepare(FOR_THE_SOAK) ?? obstacles()[0]);
  if (problem !== undefined) {
    console.error(`soak: ${problem}`);
    return 2;
  }
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
  process.on('exit', removeNetwork);
  const reports = {};
  for (const name of options.acts) {
    process.stderr.write(`soak: ${name}\n`);
    makeNetwork();
    reports[name] = await onStage(name, ACTS[name], { lengthMs: options.minutes * 60_000, seed: options.seed });
    console.log(`\n${name}`);
    for (const [what, value] of Object.entries(reports[name]))
      console.log(`  ${what.padEnd(26)} ${JSON.stringify(value)}`);
  }
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(reports, null, 2)}\n`);
  return Object.values(reports).every(({ complaints }) => complaints.length === 0) ? 0 : 1;
}

/** `minutes` are those of each act. */
function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        minutes: { type: 'string', default: '60' },
        act: { type: 'string' },
        seed: { type: 'string', default: '1' },
        json: { type: 'string' },
      },
    });
    const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
    const acts = values.act === undefined ? Object.keys(ACTS) : [values.act].filter((name) => name in ACTS);
    const isUsable = minutes > 0 && Number.isInteger(seed) && acts.length > 0;
    return isUsable ? { minutes, seed, acts, json: values.json } : undefined;
  } catch {
    return undefined;
  }
}
