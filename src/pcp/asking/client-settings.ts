// What may be set about the PCP client, and what it does when nothing is.

export interface PacingLimits {
  readonly packetsPerSecond: number;
  /** Packets that may go out at once after a pause. */
  readonly burst: number;
  readonly inFlight: number;
}

// A carrier's server serves thousands of subscribers. At this rate, a subscriber restores 1,000 mappings in ten seconds.
export const DEFAULT_PACING: PacingLimits = { packetsPerSecond: 100, burst: 20, inFlight: 50 };

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
