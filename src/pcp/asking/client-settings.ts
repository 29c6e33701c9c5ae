// What may be set about the PCP client, and what it does when nothing is.

import { DEFAULT_PACING, type PacingLimits } from './pacing.ts';

export interface ClientSettings {
  readonly pacing: PacingLimits;
  /** Where the server has no PREFER_FAILURE: ask without it, and release a mapping with another port than the one asked for. */
  readonly emulatePreferFailure: boolean;
  /** Speak NAT-PMP to a server that knows nothing newer (RFC 6887 appendix A). */
  readonly natPmp: boolean;
}

export const DEFAULT_CLIENT_SETTINGS: ClientSettings = {
  pacing: DEFAULT_PACING,
  emulatePreferFailure: false,
  natPmp: true,
};
