// Randomness of cryptographic quality, and a seeded stream for runs that are to be repeated exactly.

import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { RandomSource } from '../base/host.ts';

const UNIT_BYTES = 6;
/** Asking the system for a few octets costs as much as for many. */
const DRAWN_AT_ONCE = 1536;

export const nodeRandom: RandomSource = randomFrom(fromTheSystem());

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
  return randomFrom(take);
}

function randomFrom(take: (count: number) => Buffer): RandomSource {
  return {
    bytes: (count) => Uint8Array.from(take(count)),
    unit: () => take(UNIT_BYTES).readUIntBE(0, UNIT_BYTES) / 2 ** (8 * UNIT_BYTES),
  };
}

/** No octet is handed out twice. */
function fromTheSystem(): (count: number) => Buffer {
  let pool = Buffer.alloc(0);
  return (count) => {
    if (pool.length < count) pool = randomBytes(Math.max(count, DRAWN_AT_ONCE));
    const taken = pool.subarray(0, count);
    pool = pool.subarray(count);
    return taken;
  };
}
