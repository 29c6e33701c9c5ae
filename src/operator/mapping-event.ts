// One sentence for each thing that happens to a mapping: the log's line, the timeline's entry and the live event are
// this same sentence. Renewals that change nothing are not worth one.

import { durationInWords, seconds, type WallTime } from '../base/time.ts';
import type { Mapping, MappingChange, RemovalReason, Upstream } from '../mapping/mapping.ts';
import type { EventKind, OperatorEvent } from './event-history.ts';

/** The host's name where the lease file knows one. */
export type NameOfHost = (address: string) => string | undefined;

const REMOVAL_KIND: Readonly<Record<RemovalReason, EventKind>> = {
  deleted: 'deleted',
  expired: 'expired',
  lost: 'lost',
  'host gone': 'host gone',
  closing: 'deleted',
};

const REMOVAL_WORDS: Readonly<Record<RemovalReason, string>> = {
  deleted: 'closed',
  expired: 'closed',
  lost: 'lost',
  'host gone': 'closed, its host is gone',
  closing: 'closed with the daemon',
};

/** Undefined: nothing that a person would want to hear of. */
export function mappingEvent(change: MappingChange, at: WallTime, nameOfHost: NameOfHost): OperatorEvent | undefined {
  const event = eventOf(change, at, nameOfHost);
  return event === undefined ? undefined : { ...event, host: change.mapping.internalClient.text };
}

function eventOf(change: MappingChange, at: WallTime, nameOfHost: NameOfHost): OperatorEvent | undefined {
  const place = placeText(change.mapping, nameOfHost);
  switch (change.kind) {
    case 'added':
      return {
        at,
        kind: 'granted',
        level: 'info',
        text: `${place} opened${madeByText(change.mapping)}${leaseText(change.mapping)}`,
      };
    case 'removed': {
      const why = change.why === '' ? '' : `: ${change.why}`;
      const level = change.reason === 'lost' ? 'warn' : 'info';
      return { at, kind: REMOVAL_KIND[change.reason], level, text: `${place} ${REMOVAL_WORDS[change.reason]}${why}` };
    }
    case 'updated':
      return updateEvent(change.mapping, change.previous, at, place);
  }
}

function updateEvent(mapping: Mapping, previous: Mapping, at: WallTime, place: string): OperatorEvent | undefined {
  const now = mapping.upstream;
  const then = previous.upstream;
  // What AddAnyPortMapping made follows the server: whoever asked for it knows the number it had.
  if (mapping.externalPort !== previous.externalPort)
    return moveEvent(at, place, `port ${previous.externalPort} to port ${mapping.externalPort}`);
  // Hundreds come back at once after a server's restart: only what differs from before is worth a sentence.
  const isBack = previous.state === 'restoring' && mapping.state === 'granted';
  if (mapping.state !== previous.state && !isBack) {
    const words = stateWords(mapping);
    return words === undefined
      ? undefined
      : { at, kind: 'changed', level: isBad(mapping) ? 'warn' : 'info', text: `${place} ${words}` };
  }
  const moved = placesOfMove(then, now);
  if (moved !== undefined) return moveEvent(at, place, moved);
  if (mapping.internalPort !== previous.internalPort || !mapping.internalClient.equals(previous.internalClient)) {
    const target = `${previous.internalClient}:${previous.internalPort}`;
    return { at, kind: 'changed', level: 'info', text: `${place} led to ${target} before` };
  }
  return undefined;
}

const isBad = ({ state }: Mapping): boolean => state === 'degraded' || state === 'waiting';

const moveEvent = (at: WallTime, place: string, fromTo: string): OperatorEvent => ({
  at,
  kind: 'changed',
  level: 'info',
  text: `${place} moved from ${fromTo}`,
});

/** "port 5001 to port 6001"; undefined: it did not move. */
function placesOfMove(then: Upstream, now: Upstream): string | undefined {
  const isSameAddress = now.assignedAddress.equals(then.assignedAddress);
  const isSamePort = now.assignedPort === then.assignedPort;
  if (isSameAddress && isSamePort) return undefined;
  if (isSamePort) return `${then.assignedAddress} to ${now.assignedAddress}`;
  if (isSameAddress) return `port ${then.assignedPort} to port ${now.assignedPort}`;
  const { assignedAddress: from, assignedPort: fromPort } = then;
  return `${from} port ${fromPort} to ${now.assignedAddress} port ${now.assignedPort}`;
}

function stateWords(mapping: Mapping): string | undefined {
  switch (mapping.state) {
    case 'granted':
      return 'is open as promised again';
    case 'degraded':
      return `is open, but only at port ${mapping.upstream.assignedPort}: the server gave the promised one away`;
    case 'waiting':
      return 'is closed: the PCP server does not answer; it is asked again until the lease ends';
    case 'deleting':
      return 'closed here; the server is silent and will be told later';
    // Hundreds at once after a server's restart: the server's own event says it for all.
    case 'restoring':
      return undefined;
  }
}

/** "TCP 6881 → desk-pc (192.168.1.10:6881)". */
function placeText(mapping: Mapping, nameOfHost: NameOfHost): string {
  const target = `${mapping.internalClient}:${mapping.internalPort}`;
  const name = nameOfHost(mapping.internalClient.text);
  const from = mapping.remoteHost === '' ? '' : ` from ${mapping.remoteHost}`;
  return `${mapping.protocol} ${mapping.externalPort}${from} → ${name === undefined ? target : `${name} (${target})`}`;
}

function madeByText({ madeBy, description, internalClient }: Mapping): string {
  if (madeBy.via === 'operator') return ' by the operator';
  const what = description === '' ? '' : ` for "${description}"`;
  return madeBy.address.equals(internalClient) ? what : `${what} by ${madeBy.address}`;
}

const leaseText = ({ leaseSeconds }: Mapping): string =>
  leaseSeconds === 0 ? ', as long as the host is there' : `, for ${durationInWords(seconds(leaseSeconds))}`;
