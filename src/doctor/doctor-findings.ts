// What `igd2pcp doctor` found out, as plain data: the candidates it considered and what each server said when asked.
// No judgement here; that is `doctor-judgement.ts`.

import type { Endpoint, IpAddress } from '../base/ip-address.ts';
import type { Duration } from '../base/time.ts';
import type { ResultCode } from '../pcp/asking/result-code.ts';

export interface DoctorFindings {
  readonly candidates: readonly CandidateFinding[];
  /** In the order they would be used. */
  readonly servers: readonly ServerFinding[];
  readonly needs: DoctorNeeds;
}

/** What the configuration makes necessary. */
export interface DoctorNeeds {
  /** `wan.nat = "none"`: every mapping is for another host (RFC 6970 §5.4). */
  readonly thirdParty: boolean;
  readonly emulatesPreferFailure: boolean;
  readonly speaksNatPmp: boolean;
  /** Every request carries a DESCRIPTION (RFC 7220). */
  readonly descriptions: boolean;
}

/** One place where a server may be named, and what was there. */
export interface CandidateFinding {
  /** "pcp.servers", "DHCP file /run/pcp", "IPv4 default route". */
  readonly source: string;
  readonly outcome:
    | { readonly kind: 'servers'; readonly endpoints: readonly Endpoint[] }
    /** `why` is a clause: "the default route has no next hop". */
    | { readonly kind: 'none'; readonly why: string }
    /** Not looked at, because something before it decides. */
    | { readonly kind: 'passed over'; readonly why: string };
}

export interface ServerFinding {
  readonly endpoint: Endpoint;
  readonly source: string;
  /** The address we ask from. */
  readonly ownAddress: IpAddress | undefined;
  readonly speech: ServerSpeech;
}

export type ServerSpeech =
  | { readonly kind: 'PCP'; readonly roundTrip: Duration; readonly epoch: number; readonly map: MapFinding }
  | { readonly kind: 'NAT-PMP'; readonly roundTrip: Duration; readonly externalAddress: IpAddress | undefined }
  | { readonly kind: 'another version'; readonly version: number }
  | { readonly kind: 'silent' }
  /** The machine is there, nothing listens on the port (ICMP). */
  | { readonly kind: 'port closed' }
  /** `why` from the system: no route, no such address. */
  | { readonly kind: 'cannot send'; readonly why: string };

export type MapFinding =
  | { readonly kind: 'silent' }
  | { readonly kind: 'refused'; readonly code: ResultCode; readonly lifetimeSeconds: number }
  | {
      readonly kind: 'granted';
      readonly externalAddress: IpAddress;
      readonly externalPort: number;
      /** Granted when a second was asked for; undefined: no answer. */
      readonly shortestSeconds: number | undefined;
      /** Granted when `LONGEST_ASKED_SECONDS` were asked for; undefined: no answer. */
      readonly longestSeconds: number | undefined;
      readonly options: Readonly<Record<ProbedOption, OptionFinding>>;
      /** False: the trial mapping may live on until its lifetime ends. */
      readonly isRemoved: boolean;
    };

// A day is what servers grant at most (RFC 6887 §15); asking for more would leave more behind if the removal got lost.
export const LONGEST_ASKED_SECONDS = 86_400;

export const PROBED_OPTIONS = ['PREFER_FAILURE', 'FILTER', 'THIRD_PARTY', 'DESCRIPTION'] as const;
export type ProbedOption = (typeof PROBED_OPTIONS)[number];

export type OptionFinding =
  | { readonly kind: 'works' }
  | { readonly kind: 'unsupported' }
  /** A taken port was granted as another one. */
  | { readonly kind: 'not kept' }
  | { readonly kind: 'refused'; readonly code: ResultCode }
  | { readonly kind: 'silent' }
  | { readonly kind: 'not tried'; readonly why: string };
