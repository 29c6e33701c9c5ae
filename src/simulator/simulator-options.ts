// What kind of PCP server the simulator is while it behaves: its addresses, ports, limits and habits.
// Misbehaviour is not here but in `simulator-faults.ts`.

import { IpAddress } from '../base/ip-address.ts';
import { type PortRange, portNumber } from '../base/port-number.ts';
import { type Duration, days, seconds } from '../base/time.ts';

/** `preserve`: the suggested port where it is free, the next higher one where not. `random`: any port of the range. */
export type PortChoice = 'preserve' | 'random';

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
