// What a server refused. For the time of the hold, we give the same answer ourselves and do not ask again (RFC 6887 §7.4,
// §8.3). Here is which later requests a refusal covers; `holdOf` says for how long.

import type { IpAddress } from '../../base/ip-address.ts';
import { PriorityQueue } from '../../base/priority-queue.ts';
import { after, between, type Duration, type Instant } from '../../base/time.ts';
import type { TransportProtocol } from '../../base/transport-protocol.ts';
import type { HeldMapping } from './held-mappings.ts';
import type { MapRequest } from './map-request.ts';
import {
  ADDRESS_MISMATCH,
  CANNOT_PROVIDE_EXTERNAL,
  holdOf,
  NO_RESOURCES,
  type ResultCode,
  UNSUPP_OPCODE,
  UNSUPP_PROTOCOL,
} from './result-code.ts';

export interface RememberedRefusal {
  readonly code: ResultCode;
  readonly lifetimeSeconds: number;
  /** What is left of it. */
  readonly hold: Duration;
}

export interface HoldView {
  readonly what: string;
  readonly code: ResultCode;
  readonly left: Duration;
}

export type StandingMapping = Pick<HeldMapping, 'assignedPort' | 'refusedWith'>;

interface Hold {
  readonly code: ResultCode;
  readonly lifetimeSeconds: number;
  readonly until: Instant;
}

/** Control points choose the ports and could fill this. Beyond this number, the hold that ends first is forgotten. */
const MAX_HOLDS = 4096;

const EVERYTHING = 'every request';
const NEW_MAPPINGS = 'new mappings';

export class RefusalMemory {
  readonly #holds = new Map<string, Hold>();
  readonly #ends = new PriorityQueue<string>();
  /** The scopes of one external port, whatever the address. They are looked up for each mapping that goes. */
  readonly #ofPort = new Map<string, Set<string>>();

  /** Returns the hold, for the outcome. */
  note(request: MapRequest, code: ResultCode, lifetimeSeconds: number, now: Instant): Duration {
    const hold = holdOf(code, lifetimeSeconds);
    for (const scope of scopesOf(request, code)) {
      this.#set(scope, { code, lifetimeSeconds, until: after(now, hold) });
    }
    return hold;
  }

  /** RFC 6887 §13.1: the server does not let us act for that host, whatever is asked. */
  noteThirdParty(thirdParty: IpAddress, code: ResultCode, lifetimeSeconds: number, now: Instant): Duration {
    const hold = holdOf(code, lifetimeSeconds);
    this.#set(thirdPartyScope(thirdParty), { code, lifetimeSeconds, until: after(now, hold) });
    return hold;
  }

  /** The port is taken; the server did not say for how long. */
  noteConflict(request: MapRequest, hold: Duration, now: Instant): void {
    const until = after(now, hold);
    this.#set(portScope(request, addressOf(request)), { code: CANNOT_PROVIDE_EXTERNAL, lifetimeSeconds: 0, until });
  }

  /** Nothing can be asked until the hold is over, as with a version nobody shares (RFC 6887 §9). */
  noteEverythingRefused(code: ResultCode, lifetimeSeconds: number, now: Instant): Duration {
    const hold = holdOf(code, lifetimeSeconds);
    this.#set(EVERYTHING, { code, lifetimeSeconds, until: after(now, hold) });
    return hold;
  }

  /** `held`: what the server holds for us under this key. */
  recall(request: MapRequest, held: StandingMapping | undefined, now: Instant): RememberedRefusal | undefined {
    const scopes = [EVERYTHING, protocolScope(request.protocol), sameRequestScope(request)];
    if (held === undefined) scopes.push(NEW_MAPPINGS);
    if (request.thirdParty !== undefined) scopes.push(thirdPartyScope(request.thirdParty));
    // RFC 6887 §13.2: a port that was refused at any address is refused at this one too, except to the mapping that has it.
    const isOwn = held?.assignedPort === request.suggestedPort && held.refusedWith === undefined;
    if (request.exactPort && !isOwn) scopes.push(portScope(request, ''), portScope(request, addressOf(request)));
    for (const scope of scopes) {
      const hold = this.#current(scope, now);
      if (hold !== undefined) {
        return { code: hold.code, lifetimeSeconds: hold.lifetimeSeconds, hold: between(now, hold.until) };
      }
    }
    return undefined;
  }

  /** The port may have been refused because of a mapping of ours that is gone now. */
  forgetPort(protocol: TransportProtocol, port: number): void {
    for (const scope of this.#ofPort.get(portStem(protocol, port)) ?? []) this.#delete(scope);
  }

  clear(): void {
    this.#holds.clear();
    this.#ends.clear();
    this.#ofPort.clear();
  }

  view(now: Instant): readonly HoldView[] {
    return [...this.#holds]
      .filter(([, hold]) => hold.until > now)
      .map(([what, hold]) => ({ what: what.trim(), code: hold.code, left: between(now, hold.until) }));
  }

  #current(scope: string, now: Instant): Hold | undefined {
    const hold = this.#holds.get(scope);
    if (hold === undefined || hold.until > now) return hold;
    this.#delete(scope);
    return undefined;
  }

  #set(scope: string, hold: Hold): void {
    this.#holds.set(scope, hold);
    this.#ends.set(scope, hold.until);
    const stem = stemOf(scope);
    if (stem !== undefined) this.#ofPort.set(stem, (this.#ofPort.get(stem) ?? new Set()).add(scope));
    if (this.#holds.size > MAX_HOLDS) {
      const first = this.#ends.first();
      if (first !== undefined) this.#delete(first.key);
    }
  }

  #delete(scope: string): void {
    this.#holds.delete(scope);
    this.#ends.delete(scope);
    const stem = stemOf(scope);
    const siblings = stem === undefined ? undefined : this.#ofPort.get(stem);
    siblings?.delete(scope);
    if (stem !== undefined && siblings?.size === 0) this.#ofPort.delete(stem);
  }
}

function scopesOf(request: MapRequest, code: ResultCode): readonly string[] {
  switch (code) {
    case UNSUPP_OPCODE:
    // RFC 6887 §7.4: a NAT without PCP is on the path, and no request can pass it.
    case ADDRESS_MISMATCH:
      return [EVERYTHING];
    case UNSUPP_PROTOCOL:
      return [protocolScope(request.protocol)];
    case NO_RESOURCES:
      // RFC 6887 §7.4: this holds for the whole server, so it makes no new mapping of any kind. Renewals of others go on.
      return [NEW_MAPPINGS, sameRequestScope(request)];
    case CANNOT_PROVIDE_EXTERNAL:
      return request.exactPort ? [portScope(request, addressOf(request))] : [sameRequestScope(request)];
    default:
      return [sameRequestScope(request)];
  }
}

const protocolScope = (protocol: TransportProtocol): string => `all of ${protocol}`;
const thirdPartyScope = (thirdParty: IpAddress): string => `everything for ${thirdParty.text}`;
const EXTERNAL = 'external ';
const portStem = (protocol: TransportProtocol, port: number): string => `${EXTERNAL}${protocol} ${port}`;
const stemOf = (scope: string): string | undefined =>
  scope.startsWith(EXTERNAL) ? scope.slice(0, scope.lastIndexOf(' ')) : undefined;
/** Empty for any address. */
const addressOf = (request: MapRequest): string =>
  request.suggestedAddress.isUnspecified ? '' : request.suggestedAddress.text;
const portScope = (request: MapRequest, address: string): string =>
  `${portStem(request.protocol, request.suggestedPort)} ${address}`;

/** Two requests are the same if all this is equal. The lifetime does not count. */
function sameRequestScope(request: MapRequest): string {
  const { protocol, internalPort, thirdParty, suggestedPort, exactPort, remotePeers } = request;
  const peers = remotePeers.map((peer) => peer.text).join('+');
  const wished = `${exactPort ? 'exactly ' : ''}${suggestedPort} ${addressOf(request)}`;
  return `${protocol} ${internalPort} of ${thirdParty?.text ?? 'this host'} as ${wished} for ${peers || 'all'}`;
}
