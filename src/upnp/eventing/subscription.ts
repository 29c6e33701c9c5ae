// One subscriber of one service: what it has not been told yet, and the one event that may be on its way to it.

import type { HttpRequest } from '../../base/http.ts';
import {
  after,
  type Duration,
  earlier,
  type Instant,
  inSeconds,
  later,
  longer,
  scale,
  seconds,
  shorter,
} from '../../base/time.ts';
import type { Callback } from './callback.ts';

/** Who cannot be reached costs a connection per event. Each event that is lost doubles the pause, up to the longest. */
const FIRST_PAUSE = seconds(1);
const LONGEST_PAUSE = seconds(30);

type Delivery =
  /** UDA 1.1 §4.1.2: the initial event must not overtake the answer to the subscription. */
  | { readonly state: 'answering' }
  | { readonly state: 'idle' }
  | { readonly state: 'outstanding'; readonly sent: ReadonlyMap<string, string>; readonly triesLeft: number };

export interface Event {
  readonly callback: Callback;
  readonly key: number;
  readonly variables: ReadonlyMap<string, string>;
}

export class Subscription {
  readonly sid: string;
  readonly serviceKey: string;
  readonly callbacks: readonly [Callback, ...Callback[]];
  expiresAt: Instant;
  #delivery: Delivery = { state: 'answering' };
  #nextKey = INITIAL_EVENT;
  #keyOnItsWay = INITIAL_EVENT;
  /** UDA 1.1 §4.1.2: callbacks are tried in order until one works; the one that did is tried first next time. */
  #callback = 0;
  #changes = new Map<string, string>();
  #sendAt: Instant | undefined;
  #pause = FIRST_PAUSE;
  #pausesUntil: Instant | undefined;

  constructor(sid: string, serviceKey: string, callbacks: readonly [Callback, ...Callback[]], expiresAt: Instant) {
    this.sid = sid;
    this.serviceKey = serviceKey;
    this.callbacks = callbacks;
    this.expiresAt = expiresAt;
  }

  get subscriber(): Callback['endpoint']['address'] {
    return this.callbacks[0].endpoint.address;
  }

  /** When it wants an event sent; undefined while one is on its way or there is nothing to tell. */
  get sendAt(): Instant | undefined {
    if (this.#delivery.state !== 'idle' || this.#sendAt === undefined) return undefined;
    return this.#pausesUntil === undefined ? this.#sendAt : later(this.#sendAt, this.#pausesUntil);
  }

  get wakeAt(): Instant {
    return this.sendAt === undefined ? this.expiresAt : earlier(this.sendAt, this.expiresAt);
  }

  /** Later values replace earlier ones; the first change of a burst sets the moment for all. */
  note(changes: ReadonlyMap<string, string>, now: Instant, burst: Duration): void {
    // The initial event will carry the values of its own moment.
    if (this.#delivery.state === 'answering') return;
    for (const [name, value] of changes) this.#changes.set(name, value);
    this.#sendAt ??= after(now, burst);
  }

  /** The answer to the subscription has left. Undefined when that was known already. */
  begin(variables: ReadonlyMap<string, string>): Event | undefined {
    return this.#delivery.state === 'answering' ? this.#send(variables) : undefined;
  }

  takeChanges(): Event {
    const changes = this.#changes;
    this.#changes = new Map();
    this.#sendAt = undefined;
    return this.#send(changes);
  }

  delivered(): void {
    if (this.#delivery.state !== 'outstanding') return;
    this.#delivery = { state: 'idle' };
    this.#pause = FIRST_PAUSE;
    this.#pausesUntil = undefined;
  }

  /** The same event at the next place; undefined when none is left, and then its values ride along with the next event. */
  failed(now: Instant): Event | undefined {
    if (this.#delivery.state !== 'outstanding') return undefined;
    const { sent, triesLeft } = this.#delivery;
    this.#callback = (this.#callback + 1) % this.callbacks.length;
    if (triesLeft > 0) {
      this.#delivery = { state: 'outstanding', sent, triesLeft: triesLeft - 1 };
      return { callback: this.#currentCallback(), key: this.#keyOnItsWay, variables: sent };
    }
    this.#delivery = { state: 'idle' };
    this.#pausesUntil = after(now, this.#pause);
    this.#pause = shorter(scale(this.#pause, 2), LONGEST_PAUSE);
    this.#changes = new Map([...sent, ...this.#changes]);
    return undefined;
  }

  #send(variables: ReadonlyMap<string, string>): Event {
    this.#delivery = { state: 'outstanding', sent: variables, triesLeft: this.callbacks.length - 1 };
    this.#keyOnItsWay = this.#nextKey;
    // A lost event uses up its number too: the gap is how the subscriber learns of it (UDA 1.1 §4.3.2).
    this.#nextKey = eventKeyAfter(this.#nextKey);
    return { callback: this.#currentCallback(), key: this.#keyOnItsWay, variables };
  }

  #currentCallback(): Callback {
    return this.callbacks[this.#callback] ?? this.callbacks[0];
  }
}

// The number that tells a subscriber whether it missed an event (UDA 1.1 §4.3.2 SEQ).

const INITIAL_EVENT = 0;
const LAST = 0xffff_ffff;

/** UDA 1.1 §4.3.2: wraps to 1, because 0 belongs to the initial event alone. */
export const eventKeyAfter = (key: number): number => (key >= LAST ? 1 : key + 1);

// A service as eventing sees it: a key, the path of its event URL, and the present values of its evented variables.

export interface EventedService {
  readonly key: string;
  /** Path of eventSubURL. */
  readonly path: string;
  /** All evented variables of the service and nothing else (UDA 1.1 §4.2: the initial event carries them all). */
  variables(): ReadonlyMap<string, string>;
}

// How long a subscription lasts (UDA 1.1 §4.1.2 TIMEOUT): "Second-" and a number, asked for by the subscriber, granted by us.

/** UDA 1.1 §4.1.2: should be at least 1800 s. */
const LEAST = seconds(1800);
/** Subscribers vanish without a word; their places come free after this. */
const MOST = seconds(7200);

/** Missing, unreadable and "infinite" get the least: UDA 1.1 knows no endless subscription. */
export function grantedTimeout(asked: string | undefined): Duration {
  const [, text] = /^\s*second-(\d{1,10})\s*$/i.exec(asked ?? '') ?? [];
  return text === undefined ? LEAST : shorter(longer(seconds(Number(text)), LEAST), MOST);
}

export const timeoutText = (granted: Duration): string => `Second-${inSeconds(granted)}`;

// Which of the three GENA requests an HTTP request is, or with which status it is turned away (UDA 1.1 §4.1.2–§4.1.4).

type SubscribeRequest =
  | { readonly kind: 'subscribe'; readonly callback: string; readonly timeout: string | undefined }
  | { readonly kind: 'renew'; readonly sid: string; readonly timeout: string | undefined }
  | { readonly kind: 'unsubscribe'; readonly sid: string }
  | { readonly kind: 'refused'; readonly status: 400 | 405 | 412; readonly why: string };

export function readSubscribeRequest(request: HttpRequest): SubscribeRequest {
  const { sid, nt, callback, timeout } = request.headers;
  if (request.method !== 'SUBSCRIBE' && request.method !== 'UNSUBSCRIBE') return refused(405, 'not a GENA method');
  if (sid !== undefined) {
    // UDA 1.1 §4.1.4: a SID beside CALLBACK or NT is neither a renewal nor a new subscription.
    if (nt !== undefined || callback !== undefined) return refused(400, 'SID together with NT or CALLBACK');
    return request.method === 'SUBSCRIBE'
      ? { kind: 'renew', sid: sid.trim(), timeout }
      : { kind: 'unsubscribe', sid: sid.trim() };
  }
  if (request.method === 'UNSUBSCRIBE') return refused(412, 'no SID');
  if (nt?.trim().toLowerCase() !== 'upnp:event') return refused(412, 'NT is not upnp:event');
  if (callback === undefined) return refused(412, 'no CALLBACK');
  return { kind: 'subscribe', callback, timeout };
}

const refused = (status: 400 | 405 | 412, why: string): SubscribeRequest => ({ kind: 'refused', status, why });
