// Random UUIDs (RFC 4122 version 4) for devices and subscriptions, and the check that a text is one.

import type { RandomSource } from './host.ts';

const HEX_GROUPS = [0, 4, 6, 8, 10, 16] as const;

export function randomUuid(random: RandomSource): string {
  const bytes = Uint8Array.from(random.bytes(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'));
  return HEX_GROUPS.slice(1)
    .map((end, index) => hex.slice(HEX_GROUPS[index], end).join(''))
    .join('-');
}

export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
