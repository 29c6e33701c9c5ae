// Randomness of cryptographic quality, and a seeded stream for runs that are to be repeated exactly.

import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { RandomSource } from '../base/host.ts';

const UNIT_BYTES = 6;

export const nodeRandom: RandomSource = {
  bytes: (count) => Uint8Array.from(randomBytes(count)),
  unit: () => randomBytes(UNIT_BYTES).readUIntBE(0, UNIT_BYTES) / 2 ** (8 * UNIT_BYTES),
};

export const keyedHash = (secret: string, text: string): Uint8Array =>
  Uint8Array.from(createHmac('sha256', secret).update(text).digest());

/** The same seed gives the same stream: to reproduce a run, never to serve one. */
export function seededRandom(seed: string): RandomSource {
  let block = 0;
  let pool = Buffer.alloc(0);
  const take = (count: number): Buffer => {
    while (pool.length < count) {
      const more = createHash('sha256').update(`${seed}:${block}`).digest();
      pool = Buffer.concat([pool, more]);
      block += 1;
    }
    const taken = pool.subarray(0, count);
    pool = pool.subarray(count);
    return taken;
  };
  return {
    bytes: (count) => Uint8Array.from(take(count)),
    unit: () => take(UNIT_BYTES).readUIntBE(0, UNIT_BYTES) / 2 ** (8 * UNIT_BYTES),
  };
}
