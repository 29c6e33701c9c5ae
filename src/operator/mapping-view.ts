// One mapping as people and scripts see it. All times are what is left, so that no clock is needed to read it.

import { between, type Duration, type Instant, type WallTime } from '../base/time.ts';
import type { TransportProtocol } from '../base/transport-protocol.ts';
import type { Mapping, MappingState } from '../mapping/mapping.ts';

export interface MappingView {
  readonly protocol: TransportProtocol;
  readonly externalAddress: string;
  readonly externalPort: number;
  /** Differs from `externalPort` while degraded. */
  readonly assignedPort: number;
  /** "" for everybody. */
  readonly remoteHost: string;
  readonly internalClient: string;
  readonly internalPort: number;
  /** From the DHCP lease file. */
  readonly hostName: string | undefined;
  readonly description: string;
  /** The control point that asked. */
  readonly madeBy: string;
  readonly userAgent: string;
  /** By which door it came. */
  readonly via: string;
  /** The action, or "operator". */
  readonly action: string;
  readonly createdAt: WallTime;
  /** Undefined: as long as the host is there. */
  readonly leaseLeft: Duration | undefined;
  /** Until the PCP server forgets it unless renewed. */
  readonly lifetimeLeft: Duration;
  readonly renewIn: Duration;
  readonly server: string;
  readonly nat1Port: number | undefined;
  readonly state: MappingState;
  /** Why it is in that state, in words; "" when there is nothing to say. */
  readonly reason: string;
}

const positive = (span: Duration): Duration => Math.max(0, span) as Duration;

/** `trouble`: why the last attempt to renew it failed; undefined: it did not. */
export function mappingView(
  mapping: Mapping,
  now: Instant,
  hostName: string | undefined,
  trouble?: string,
): MappingView {
  const { upstream, madeBy } = mapping;
  return {
    protocol: mapping.protocol,
    externalAddress: upstream.assignedAddress.text,
    externalPort: mapping.externalPort,
    assignedPort: upstream.assignedPort,
    remoteHost: mapping.remoteHost,
    internalClient: mapping.internalClient.text,
    internalPort: mapping.internalPort,
    hostName,
    description: mapping.description,
    madeBy: madeBy.address.text,
    userAgent: madeBy.name,
    via: madeBy.via,
    action: madeBy.via === 'operator' ? 'operator' : mapping.isPublished ? 'AddPortMapping' : 'AddAnyPortMapping',
    createdAt: mapping.createdAt,
    leaseLeft: mapping.leaseEndsAt === undefined ? undefined : positive(between(now, mapping.leaseEndsAt)),
    lifetimeLeft: positive(between(now, upstream.expiresAt)),
    renewIn: positive(between(now, upstream.renewAt)),
    server: upstream.server,
    nat1Port: mapping.nat1Port,
    state: mapping.state,
    reason: reasonOf(mapping, trouble),
  };
}

function reasonOf(mapping: Mapping, trouble: string | undefined): string {
  const what = stateInWords(mapping);
  return trouble === undefined || what === '' ? what : `${what} (last time: ${trouble})`;
}

function stateInWords(mapping: Mapping): string {
  switch (mapping.state) {
    case 'granted':
      return mapping.upstream.window > 1 ? 'the last renewal was not answered; trying again' : '';
    case 'restoring':
      return 'the server may have forgotten it; being mapped again';
    case 'degraded':
      return `open at port ${mapping.upstream.assignedPort} instead of ${mapping.externalPort}; the promised port is tried again`;
    case 'waiting':
      return 'not open: the PCP server does not answer; it is asked again until the lease ends';
    case 'deleting':
      return 'deleted here; the server has not confirmed yet';
  }
}

/** It is open, or is about to be. */
export const isLive = ({ state }: MappingView): boolean => state !== 'deleting' && state !== 'waiting';
