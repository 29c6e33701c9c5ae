// One subscriber of one service: what it has not been told yet, and the one event that may be on its way to it.

import { after, type Duration, earlier, type Instant, later, scale, seconds, shorter } from '../../base/time.ts';
import type { Callback } from './callback.ts';
import { eventKeyAfter, INITIAL_EVENT } from './event-key.ts';

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
