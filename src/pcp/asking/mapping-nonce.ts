// The 96 random bits that prove a mapping is ours (RFC 6887 §11.1, §11.2). The nonce is kept with the mapping on disk: without
// it we could neither renew nor delete our own mappings after a restart.

declare const nonceBrand: unique symbol;
/** 24 lower-case hexadecimal digits. */
export type MappingNonce = string & { readonly [nonceBrand]: true };

export const NONCE_BYTES = 12;

export function nonceFromBytes(bytes: Uint8Array): MappingNonce {
  if (bytes.length !== NONCE_BYTES) throw new RangeError(`a nonce has ${NONCE_BYTES} bytes, not ${bytes.length}`);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('') as MappingNonce;
}

export function bytesOfNonce(nonce: MappingNonce): Uint8Array {
  return Uint8Array.from({ length: NONCE_BYTES }, (_, i) => Number.parseInt(nonce.slice(2 * i, 2 * i + 2), 16));
}

export function parseNonce(text: string): MappingNonce | undefined {
  return /^[0-9a-f]{24}$/.test(text) ? (text as MappingNonce) : undefined;
}
