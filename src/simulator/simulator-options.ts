// What kind of PCP server the simulator is while it behaves: its addresses, ports, limits and habits.
// Misbehaviour is not here but in `simulator-faults.ts`.

import { IpAddress } from '../base/ip-address.ts';
import { type PortRange, portNumber } from '../base/port-number.ts';
import { type Duration, days, milliseconds, seconds } from '../base/time.ts';
import type { ResultCode } from '../pcp/asking/result-code.ts';

/** `preserve`: the suggested port where it is free, the next higher one where not. `random`: any port of the range. */
type PortChoice = 'preserve' | 'random';

export interface SimulatorOptions {
  /** The pool; an internal address stays with one of them as long as it has mappings (RFC 6887 §11.3). */
  readonly externalAddresses: readonly IpAddress[];
  readonly externalPorts: PortRange;
  readonly portChoice: PortChoice;
  readonly shortestLifetime: Duration;
  readonly longestLifetime: Duration;
  /** Mappings one internal address may hold before USER_EX_QUOTA. */
  readonly quotaPerClient: number;
  /** Mappings of everybody before NO_RESOURCES. */
  readonly maxMappings: number;
  readonly filtersPerMapping: number;
  readonly allowThirdParty: boolean;
  /** How long a released port is kept from everybody but its last owner. */
  readonly holdBack: Duration;
  /** Copies of a restart announcement. */
  readonly announceCopies: number;
}

// RFC 6887 §14.1.1 allows up to ten.
const MOST_ANNOUNCE_COPIES = 10;

// One external address has this many ports; more mappings than that could not be told apart on it.
const PORTS_OF_ONE_ADDRESS = 0xffff;

export const DEFAULT_SIMULATOR_OPTIONS: SimulatorOptions = {
  // Has to look public, or control points call the gateway unusable. APNIC keeps 1.2.3.0/24 out of use for research.
  externalAddresses: [IpAddress.of('1.2.3.4')],
  // RFC 6908 advises against handing out the system ports.
  externalPorts: { first: portNumber(1024), last: portNumber(65_535) },
  portChoice: 'preserve',
  // RFC 6887 §15: at least two minutes, at most a day.
  shortestLifetime: seconds(120),
  longestLifetime: days(1),
  quotaPerClient: PORTS_OF_ONE_ADDRESS,
  maxMappings: PORTS_OF_ONE_ADDRESS,
  filtersPerMapping: 8,
  allowThirdParty: false,
  // RFC 6888 REQ-8.
  holdBack: seconds(120),
  announceCopies: MOST_ANNOUNCE_COPIES,
};

// How the simulator misbehaves. A plain value that may be replaced while it runs; every field has a harmless default.
// What happens once (a restart, a new external address) is a method of `Simulator` instead.

/** `NAT-PMP`: PCP requests get RFC 6886's version refusal. `both`: version 0 is served beside version 2. */
export type SpokenProtocol = 'PCP' | 'NAT-PMP' | 'both';

export interface SimulatorFaults {
  readonly speaks: SpokenProtocol;
  /** The version refusal repeats the opcode with the R bit, as miniupnpd's does, where RFC 6886 §3.5 prints a zero. */
  readonly refusalRepeatsOpcode: boolean;
  /** Share of datagrams that vanish, each way: 0 to 1. */
  readonly loss: number;
  /** Share that arrives twice, each way. */
  readonly duplicates: number;
  /** Share that is held back by up to `reorderingWithin`, so that later ones overtake it, each way. */
  readonly reordering: number;
  readonly reorderingWithin: Duration;
  /** Time on the way, each way. */
  readonly delay: Duration;
  /** Nothing is answered or announced. */
  readonly silent: boolean;
  /** Options answered UNSUPP_OPTION, or left out of the answer where they are optional to process (RFC 6887 §7.3). */
  readonly missingOptions: ReadonlySet<number>;
  /** Every MAP request gets this answer, and changes nothing. */
  readonly refuseWith: { readonly code: ResultCode; readonly lifetimeSeconds: number } | undefined;
  /** Epoch seconds per second: 1 is right, 0 stands still, negative runs backwards (RFC 6887 §8.5). */
  readonly epochRate: number;
  /** Answers leave from another port than the one asked (RFC 6887 §8.3 has clients drop them). */
  readonly wrongSourcePort: boolean;
  /** Answers carry a nonce nobody sent. */
  readonly wrongNonce: boolean;
  /** A taken port is answered SUCCESS with another one in spite of PREFER_FAILURE, as miniupnpd does. */
  readonly ignorePreferFailure: boolean;
  /** An option whose length is no multiple of four is MALFORMED_OPTION, as miniupnpd 2.3.1 has it. */
  readonly refusesPadding: boolean;
  /** Outbound traffic keeps deleted mappings alive this long (RFC 6887 §15). */
  readonly busyAfterDelete: Duration;
}

export const NO_FAULTS: SimulatorFaults = {
  speaks: 'PCP',
  refusalRepeatsOpcode: false,
  loss: 0,
  duplicates: 0,
  reordering: 0,
  reorderingWithin: milliseconds(500),
  delay: milliseconds(0),
  silent: false,
  missingOptions: new Set(),
  refuseWith: undefined,
  epochRate: 1,
  wrongSourcePort: false,
  wrongNonce: false,
  ignorePreferFailure: false,
  refusesPadding: false,
  busyAfterDelete: milliseconds(0),
};
