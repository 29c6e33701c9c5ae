// The hex vectors of the fixtures, by name.

import { readFileSync } from 'node:fs';

interface Vector {
  readonly id: string;
  readonly title: string;
  readonly hex: string;
  readonly length: number;
}

interface EpochCase {
  readonly prevServer: number;
  readonly currServer: number;
  readonly clientDelta: number;
  readonly valid: boolean;
}

const file = JSON.parse(readFileSync(new URL('../../fixtures/pcp-vectors.json', import.meta.url), 'utf8')) as {
  readonly vectors: readonly Vector[];
  readonly epoch: readonly EpochCase[];
};

export const vectors: readonly Vector[] = file.vectors;
export const epochCases: readonly EpochCase[] = file.epoch;

export const bytesOfHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
export const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export function vector(id: string): Uint8Array {
  const found = vectors.find((candidate) => candidate.id === id);
  if (found === undefined) throw new Error(`no vector ${id}`);
  return bytesOfHex(found.hex);
}
