// What an act of the soak plays on: the carrier, a fresh daemon and the control points, for as long as the act takes.

import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGenerator } from '../parts/child.mjs';
import { simulatedCarrier } from '../parts/igd2pcp.mjs';
import { targetOf } from '../parts/scene.mjs';
import { Ledger } from './ledger.mjs';
import { LONGEST_SHORT_LEASE_S } from './mixed-load.mjs';

/** What the carrier still holds of something deleted while nothing could be said to it, it forgets after this. */
const LONGEST_GRANT_S = 60;
/** Without load: what was promised, the table, the carrier and the kernel must then agree. */
export const SETTLE_MS = (Math.max(LONGEST_GRANT_S, LONGEST_SHORT_LEASE_S) + 20) * 1000;

/** → what the act reports. `act`: { gateway, play }. */
export async function onStage(name, act, { lengthMs, seed }) {
  const directory = mkdtempSync(join(tmpdir(), 'igdb-'));
  const control = join(directory, 'carrier.sock');
  const carrier = simulatedCarrier({ flags: ['--control', control, '--max-lifetime', `${LONGEST_GRANT_S}s`] });
  const gateway = act.gateway(directory);
  const generator = startGenerator();
  try {
    await carrier.start();
    await gateway.start();
    const target = await targetOf({ generator }, gateway);
    // What goes wrong has a stream of its own: how many calls fit between two faults is different each time.
    const [random, chance] = [seeded(seed), seeded(~seed)];
    const report = await act.play(
      { generator, gateway, target, control, random, chance, ledger: new Ledger() },
      lengthMs,
    );
    if (report.complaints.length > 0) keepLog(gateway.logFile, join(tmpdir(), `igd2pcp-soak-${name}.log`));
    return report;
  } finally {
    await generator.stop();
    await gateway.stop();
    await carrier.stop();
    gateway.clean();
    rmSync(directory, { recursive: true, force: true });
  }
}

function keepLog(from, to) {
  copyFileSync(from, to);
  console.error(`soak: it did not hold; what the daemon wrote is kept in ${to}`);
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
