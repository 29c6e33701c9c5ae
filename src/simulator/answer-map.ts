// The server's rules for one well-formed MAP request (RFC 6887 §11.3, §13, §15): whose mapping is it, may it be made,
// renewed or deleted, and what is the answer. Changes the store; knows no wire form.

import type { RandomSource } from '../base/host.ts';
import type { Endpoint } from '../base/ip-address.ts';
import { ANY_PORT, type PortNumber } from '../base/port-number.ts';
import { ok, type Result, refused } from '../base/result.ts';
import { after, type Duration, earlier, type Instant, inSeconds, longer, seconds, shorter } from '../base/time.ts';
import type { TransportProtocol } from '../base/transport-protocol.ts';
import type { MappingNonce } from '../pcp/asking/mapping-nonce.ts';
import {
  CANNOT_PROVIDE_EXTERNAL,
  EXCESSIVE_REMOTE_PEERS,
  NO_RESOURCES,
  NOT_AUTHORIZED,
  type ResultCode,
  USER_EX_QUOTA,
} from '../pcp/asking/result-code.ts';
import { choosePort, type PortWish } from './choose-port.ts';
import {
  type ExternalKey,
  type InternalKey,
  type MappingStore,
  type RemotePeerFilter,
  remainingOf,
  type SimulatedMapping,
} from './served-mappings.ts';
import type { SimulatorFaults, SimulatorOptions } from './simulator-options.ts';

export interface MapQuestion extends PortWish {
  readonly client: Endpoint;
  readonly isThirdParty: boolean;
  readonly lifetimeSeconds: number;
  /** In the order sent. Prefix 0 clears what was there before (RFC 6887 §13.3). */
  readonly filters: readonly RemotePeerFilter[];
  /** "" erases (RFC 7220 §3); undefined leaves it as it was. */
  readonly description: string | undefined;
}

/** RFC 6887 §15: `protocol` and `internalPort` left out mean all of them. */
export interface DeleteQuestion {
  readonly internal: Pick<InternalKey, 'internalAddress'>;
  readonly protocol: TransportProtocol | undefined;
  readonly internalPort: PortNumber | undefined;
  readonly nonce: MappingNonce | undefined;
}

export interface Refusal {
  readonly code: ResultCode;
  readonly lifetimeSeconds: number;
}

export interface ServerState {
  readonly store: MappingStore;
  readonly options: SimulatorOptions;
  readonly faults: SimulatorFaults;
  readonly random: Pick<RandomSource, 'unit'>;
  /** Told of every mapping its client asked for again. */
  refreshed(mapping: InternalKey): void;
}

// RFC 6887 §7.4.
export const SHORT_ERROR_SECONDS = 30;
export const LONG_ERROR_SECONDS = 1800;

export function answerMap(question: MapQuestion, state: ServerState, now: Instant): Result<SimulatedMapping, Refusal> {
  const existing = state.store.find(question.internal);
  const place = existing === undefined ? placeForNew(question, state, now) : placeOfExisting(question, existing, now);
  if (!place.ok) return place;
  // RFC 6887 §11.3, static mappings: reported as they are; the nonce is not remembered and nothing changes.
  if (existing !== undefined && existing.expiresAt === undefined) return ok(existing);

  const filters = accumulate(existing?.filters ?? [], question.filters);
  if (filters.length > state.options.filtersPerMapping) {
    // RFC 6887 §13.3: the state of an existing mapping stays unchanged.
    return refused({ code: EXCESSIVE_REMOTE_PEERS, lifetimeSeconds: LONG_ERROR_SECONDS });
  }
  const mapping: SimulatedMapping = {
    ...question.internal,
    ...place.value,
    nonce: question.nonce,
    expiresAt: after(now, grantedLifetime(question.lifetimeSeconds, state.options)),
    filters,
    description: question.description === undefined ? existing?.description : question.description || undefined,
    exactPort: question.exactPort,
    isThirdParty: question.isThirdParty,
    client: question.client,
  };
  state.store.put(mapping, now);
  state.refreshed(mapping);
  return ok(mapping);
}

/** How long outbound traffic still keeps a port after its deletion; zero usually. */
export function answerDelete(question: DeleteQuestion, state: ServerState, now: Instant): Result<Duration, Refusal> {
  const asked = mappingsNamedBy(question, state.store);
  const own = asked.filter((mapping) => mapping.expiresAt !== undefined && mapping.nonce === question.nonce);
  const longestForeign = asked
    .filter((mapping) => !own.includes(mapping))
    .reduce((longest, mapping) => longer(longest, remainingOf(mapping, now)), seconds(0));
  // RFC 6887 §15: deleting needs the nonce, static mappings cannot be deleted, and an absent mapping is a success.
  if (own.length === 0 && asked.length > 0) {
    return refused({ code: NOT_AUTHORIZED, lifetimeSeconds: wholeSeconds(longestForeign) });
  }
  const busy = state.faults.busyAfterDelete;
  for (const mapping of own) {
    // RFC 6887 §15: outbound traffic keeps it alive for what is left of the idle time, and never prolongs it.
    const endsAt = mapping.expiresAt === undefined ? after(now, busy) : earlier(mapping.expiresAt, after(now, busy));
    if (busy > 0) state.store.put({ ...mapping, expiresAt: endsAt }, now);
    else state.store.remove(mapping, now);
  }
  return ok(own.length > 0 ? busy : seconds(0));
}

function mappingsNamedBy(question: DeleteQuestion, store: MappingStore): readonly SimulatedMapping[] {
  const { internalAddress } = question.internal;
  const { protocol, internalPort } = question;
  if (protocol !== undefined && internalPort !== undefined) {
    const one = store.find({ internalAddress, protocol, internalPort });
    return one === undefined ? [] : [one];
  }
  const isNamed = (mapping: SimulatedMapping): boolean =>
    mapping.internalAddress.equals(internalAddress) && (protocol === undefined || mapping.protocol === protocol);
  return store.all().filter(isNamed);
}

function placeOfExisting(
  question: MapQuestion,
  existing: SimulatedMapping,
  now: Instant,
): Result<ExternalKey, Refusal> {
  // RFC 6887 §11.3, Simple Threat Model: the nonce is the proof; the lifetime says how long this will stay refused.
  if (existing.expiresAt !== undefined && existing.nonce !== question.nonce) {
    return refused({ code: NOT_AUTHORIZED, lifetimeSeconds: wholeSeconds(remainingOf(existing, now)) });
  }
  // RFC 6887 §11.3: one external port per internal key; whoever insists on another one is refused (§13.2).
  const portFits = question.suggestedPort === ANY_PORT || question.suggestedPort === existing.externalPort;
  const addressFits =
    question.suggestedAddress.isUnspecified || question.suggestedAddress.equals(existing.externalAddress);
  if (question.exactPort && !(portFits && addressFits)) {
    return refused({ code: CANNOT_PROVIDE_EXTERNAL, lifetimeSeconds: wholeSeconds(remainingOf(existing, now)) });
  }
  const { externalAddress, protocol, externalPort } = existing;
  return ok({ externalAddress, protocol, externalPort });
}

function placeForNew(question: MapQuestion, state: ServerState, now: Instant): Result<ExternalKey, Refusal> {
  const { store, options, faults, random } = state;
  if (store.countOf(question.internal.internalAddress) >= options.quotaPerClient) {
    return refused({ code: USER_EX_QUOTA, lifetimeSeconds: SHORT_ERROR_SECONDS });
  }
  if (store.size >= options.maxMappings) return refused({ code: NO_RESOURCES, lifetimeSeconds: SHORT_ERROR_SECONDS });
  const wish = faults.ignorePreferFailure ? { ...question, exactPort: false } : question;
  const place = choosePort(wish, store, options, random, now);
  if (place.ok) return place;
  return place.error.kind === 'pool empty'
    ? refused({ code: NO_RESOURCES, lifetimeSeconds: SHORT_ERROR_SECONDS })
    : refused({ code: CANNOT_PROVIDE_EXTERNAL, lifetimeSeconds: wholeSeconds(place.error.remaining) });
}

/** RFC 6887 §13.3: filters add up, prefix length 0 removes all before it. The same one twice counts once. */
function accumulate(
  before: readonly RemotePeerFilter[],
  asked: readonly RemotePeerFilter[],
): readonly RemotePeerFilter[] {
  let filters = [...before];
  for (const filter of asked) {
    if (filter.prefixBits === 0) filters = [];
    else if (!filters.some((other) => isSameFilter(other, filter))) filters.push(filter);
  }
  return filters;
}

const isSameFilter = (a: RemotePeerFilter, b: RemotePeerFilter): boolean =>
  a.prefixBits === b.prefixBits && a.port === b.port && a.address.equals(b.address);

/** RFC 6887 §15: a server may grant less or more than was asked. */
const grantedLifetime = (askedSeconds: number, options: SimulatorOptions): Duration =>
  shorter(longer(seconds(askedSeconds), options.shortestLifetime), options.longestLifetime);

/** Rounded up, so that waiting that long is enough. */
const wholeSeconds = (span: Duration): number => Math.ceil(inSeconds(span));
