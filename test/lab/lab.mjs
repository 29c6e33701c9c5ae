// `npm run lab`: the real thing end to end, in network namespaces. Root, Debian 12. See README.md beside this file.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BAD_DAYS } from './bad-days.mjs';
import { removeTrees } from './booted-debian.mjs';
import { DEBIAN_BOOT } from './debian-boot.mjs';
import { FIRST_MAPPING } from './first-mapping.mjs';
import { playFiveMinutes } from './five-minutes.mjs';
import { FORGERIES, removeStateMounts } from './forgeries.mjs';
import { playGupnpTools } from './gupnp-tools.mjs';
import { removeLeftovers } from './namespaces.mjs';
import { OCI_IMAGE } from './oci-image.mjs';
import { OPENWRT } from './openwrt.mjs';
import { PCP_CLIENT } from './pcp-client.mjs';
import { playTopology } from './plays.mjs';
import { prepare } from './prepare.mjs';
import { Report } from './report.mjs';
import { claimTheMachine } from './single-run.mjs';
import { TOPOLOGIES } from './topologies.mjs';
import { playTwoLansCapture } from './two-lans-capture.mjs';
import { WAN_DAYS } from './wan-days.mjs';

const USAGE = `usage: node test/lab/lab.mjs [--only NAME,NAME] [--quick] [--keep] [--sabotage dnat|answer] [--program FILE]
  topologies  ${Object.keys(TOPOLOGIES).join(', ')}
  others      carrier-gone, bad-days, wan-days, quota, pcp-client,
              five-minutes, two-lans-capture, gupnp-tools, debian-12,
              debian-13, oci-image, openwrt, forgeries, first-mapping
  --quick     the carrier is gone for one minute instead of ten; no first-mapping unless named
  --keep      leaves logs and configuration in the temporary folder
  --program   another build than dist/igd2pcp.cjs
  --sabotage  dnat: our rules are removed before the stranger knocks; answer: nft is a liar. Then the lab must fail`;

/** Everything that is no topology: a sentence, and what happens. */
const OTHER_PLAYS = {
  ...BAD_DAYS,
  ...PCP_CLIENT,
  ...DEBIAN_BOOT,
  ...OCI_IMAGE,
  ...OPENWRT,
  ...WAN_DAYS,
  ...FORGERIES,
  ...FIRST_MAPPING,
  'five-minutes': { says: "the README's section, command by command", play: playFiveMinutes },
  'two-lans-capture': { says: 'each LAN hears of its own address, the WAN hears nothing', play: playTwoLansCapture },
  'gupnp-tools': { says: 'its discovery and its subscriber find the right gateway', play: playGupnpTools },
};

/** Two cores, and most of the time is spent waiting. */
const AT_ONCE = 2;

process.exitCode = await main();

async function main() {
  const wanted = readArguments();
  if (typeof wanted === 'string') {
    console.error(wanted);
    return 2;
  }
  const obstacle = prepare() ?? claimTheMachine();
  if (obstacle !== undefined) {
    console.error(obstacle);
    return 2;
  }
  const folder = mkdtempSync(join(tmpdir(), 'igd2pcp-lab-'));
  clearAway();
  const report = new Report();
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      clearAway();
      process.exit(1);
    });
  }
  try {
    await playAll(wanted, { folder, program: wanted.program, report });
  } finally {
    clearAway();
    if (wanted.keep) console.log(`logs: ${folder}`);
  }
  const isGood = report.print();
  if (isGood && !wanted.keep) rmSync(folder, { recursive: true });
  else if (!wanted.keep) console.log(`logs: ${folder}`);
  return isGood ? 0 : 1;
}

function clearAway() {
  removeLeftovers();
  removeStateMounts();
  removeTrees();
}

function readArguments() {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        only: { type: 'string' },
        quick: { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
        sabotage: { type: 'string' },
        program: { type: 'string', default: fileURLToPath(new URL('../../dist/igd2pcp.cjs', import.meta.url)) },
        help: { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    return `${error.message}\n${USAGE}`;
  }
  const known = [...Object.keys(OTHER_PLAYS), ...Object.keys(TOPOLOGIES)];
  const names = values.only?.split(',') ?? known.filter((name) => !(values.quick && OTHER_PLAYS[name]?.isLong));
  const unknown = names.find((name) => !known.includes(name));
  if (values.help || unknown !== undefined) return unknown === undefined ? USAGE : `no ${unknown}\n${USAGE}`;
  if (![undefined, 'dnat', 'answer'].includes(values.sabotage)) return USAGE;
  if (!existsSync(values.program)) return `${values.program} is missing: npm run build`;
  return { ...values, names };
}

async function playAll({ names, quick, sabotage }, means) {
  const plays = names.map((name) => async () => {
    console.log(`     ${name}: ${(TOPOLOGIES[name] ?? OTHER_PLAYS[name]).says}`);
    if (TOPOLOGIES[name] !== undefined) await playTopology(name, TOPOLOGIES[name], means, sabotage);
    else await OTHER_PLAYS[name].play(name, means, { isQuick: quick });
  });
  // The long wait first: it costs nothing but time.
  const waiters = names.flatMap((name, i) => (OTHER_PLAYS[name]?.isMostlyWaiting === true ? [plays[i]] : []));
  const others = plays.filter((play) => !waiters.includes(play));
  const lanes = Array.from({ length: AT_ONCE }, async () => {
    for (let play = others.shift(); play !== undefined; play = others.shift()) await play();
  });
  await Promise.all([...waiters.map((play) => play()), ...lanes]);
}
