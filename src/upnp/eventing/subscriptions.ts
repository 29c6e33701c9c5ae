// All subscribers of all services (UDA 1.1 §4.1, §4.3): who may subscribe, for how long, and which event goes to whom
// when. Events go out in order, one at a time per subscriber, and what changes in one burst is one event.

import type { RandomSource } from '../../base/host.ts';
import { type Endpoint, endpointText, type IpAddress } from '../../base/ip-address.ts';
import type { Machine, Wake } from '../../base/machine.ts';
import { ok, type Result, refused } from '../../base/result.ts';
import { after, type Duration, type Instant, milliseconds, seconds } from '../../base/time.ts';
import { randomUuid } from '../../base/uuid.ts';
import { escapeXml } from '../../base/xml.ts';
import { XML_CONTENT_TYPE } from '../upnp-headers.ts';
import { acceptableCallbacks, type Callback } from './callback.ts';
import { type Event, type EventedService, grantedTimeout, Subscription } from './subscription.ts';

export type SubscriptionsOutput =
  | {
      readonly kind: 'notify';
      readonly sid: string;
      readonly endpoint: Endpoint;
      readonly path: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
      readonly within: Duration;
    }
  | { readonly kind: 'expired'; readonly sid: string; readonly subscriber: IpAddress };

export interface Subscriber {
  readonly address: IpAddress;
  /** Where its request came in. */
  readonly local: Endpoint;
}

export interface Granted {
  readonly sid: string;
  readonly timeout: Duration;
}

/** 412 and 503 as UDA 1.1 §4.1.2 gives them. */
export interface NotGranted {
  readonly status: 412 | 503;
  readonly why: string;
}

/** Three evented services of two gateways, for a handful of control points on one machine. */
export const MAX_SUBSCRIPTIONS_PER_HOST = 32;
/** About 1 kB each; a house full of control points uses a few dozen. */
export const MAX_SUBSCRIPTIONS = 512;
/** One action changes several variables, and clients add TCP and UDP in one breath: that should be one event. */
const BURST = milliseconds(200);
/** UDA 1.1 §4.3.2 gives a subscriber 30 s; one that is so slow only holds up itself, but costs a connection. */
const DELIVER_WITHIN = seconds(10);

export class Subscriptions implements Machine<SubscriptionsOutput> {
  readonly #services: ReadonlyMap<string, EventedService>;
  readonly #random: Pick<RandomSource, 'bytes' | 'unit'>;
  readonly #machineOf: (address: IpAddress) => string;
  readonly #subscriptions = new Map<string, Subscription>();
  /** As known when it subscribed: an address that has gone from sight still belongs to its machine. */
  readonly #machines = new WeakMap<Subscription, string>();

  /** `machineOf` says which addresses belong to one machine: it gives the same text for them. */
  constructor(services: readonly EventedService[], random: RandomSource, machineOf: (address: IpAddress) => string) {
    this.#machineOf = machineOf;
    this.#services = new Map(services.map((service) => [service.key, service]));
    this.#random = random;
  }

  get size(): number {
    return this.#subscriptions.size;
  }

  /** The initial event waits for `handleAnswered`. */
  subscribe(
    serviceKey: string,
    callback: string,
    timeout: string | undefined,
    from: Subscriber,
    now: Instant,
  ): Result<Granted, NotGranted> {
    const [first, ...others] = acceptableCallbacks(callback, from.address, from.local);
    if (first === undefined) return refused({ status: 412, why: 'no callback at the address that subscribes' });
    if (!this.#hasRoomFor(from.address)) return refused({ status: 503, why: 'too many subscriptions' });
    const granted = grantedTimeout(timeout);
    const sid = `uuid:${randomUuid(this.#random)}`;
    const subscription = new Subscription(sid, serviceKey, [first, ...others], after(now, granted));
    this.#subscriptions.set(sid, subscription);
    this.#machines.set(subscription, this.#machineOf(from.address));
    return ok({ sid, timeout: granted });
  }

  renew(
    serviceKey: string,
    sid: string,
    timeout: string | undefined,
    from: Subscriber,
    now: Instant,
  ): Result<Granted, NotGranted> {
    const subscription = this.#find(serviceKey, sid, from);
    // UDA 1.1 §4.1.3: one that ran out cannot be renewed, even when its end was not noticed yet.
    if (subscription === undefined || subscription.expiresAt <= now) return refused(UNKNOWN);
    const granted = grantedTimeout(timeout);
    subscription.expiresAt = after(now, granted);
    return ok({ sid, timeout: granted });
  }

  unsubscribe(serviceKey: string, sid: string, from: Subscriber): Result<void, NotGranted> {
    if (this.#find(serviceKey, sid, from) === undefined) return refused(UNKNOWN);
    this.#subscriptions.delete(sid);
    return ok(undefined);
  }

  /** The answer to the subscription has left: now the initial event may follow. */
  handleAnswered(sid: string, _now: Instant): readonly SubscriptionsOutput[] {
    const subscription = this.#subscriptions.get(sid);
    const service = subscription && this.#services.get(subscription.serviceKey);
    if (subscription === undefined || service === undefined) return [];
    const event = subscription.begin(service.variables());
    return event === undefined ? [] : [notify(sid, event)];
  }

  handleChange(serviceKey: string, changes: ReadonlyMap<string, string>, now: Instant): readonly SubscriptionsOutput[] {
    if (changes.size === 0) return [];
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.serviceKey === serviceKey) subscription.note(changes, now, BURST);
    }
    return [];
  }

  handleDelivered(sid: string, now: Instant): readonly SubscriptionsOutput[] {
    this.#subscriptions.get(sid)?.delivered();
    return this.handleTimeout(now);
  }

  /** UDA 1.1 §4.3.2: a subscriber that cannot be reached stays subscribed until its time is up. */
  handleFailed(sid: string, now: Instant): readonly SubscriptionsOutput[] {
    const event = this.#subscriptions.get(sid)?.failed(now);
    return event === undefined ? this.handleTimeout(now) : [notify(sid, event)];
  }

  nextWake(): Wake | undefined {
    let first: Subscription | undefined;
    for (const subscription of this.#subscriptions.values()) {
      if (first === undefined || subscription.wakeAt < first.wakeAt) first = subscription;
    }
    if (first === undefined) return undefined;
    const why = first.sendAt === undefined ? 'end the subscription of' : 'send an event to';
    return { at: first.wakeAt, why: `${why} ${first.subscriber.text}` };
  }

  handleTimeout(now: Instant): readonly SubscriptionsOutput[] {
    const outputs: SubscriptionsOutput[] = [];
    for (const subscription of this.#subscriptions.values()) {
      const { sid, sendAt, subscriber } = subscription;
      if (subscription.expiresAt <= now) {
        this.#subscriptions.delete(sid);
        outputs.push({ kind: 'expired', sid, subscriber });
      } else if (sendAt !== undefined && sendAt <= now) {
        outputs.push(notify(sid, subscription.takeChanges()));
      }
    }
    return outputs;
  }

  /** A SID is known to nobody but its subscriber, and is good only for its own service and from its own address. */
  #find(serviceKey: string, sid: string, from: Subscriber): Subscription | undefined {
    const subscription = this.#subscriptions.get(sid);
    const isTheirs = subscription?.serviceKey === serviceKey && subscription.subscriber.equals(from.address);
    return isTheirs ? subscription : undefined;
  }

  #hasRoomFor(address: IpAddress): boolean {
    if (this.#subscriptions.size >= MAX_SUBSCRIPTIONS) return false;
    const machine = this.#machineOf(address);
    let held = 0;
    for (const subscription of this.#subscriptions.values())
      if (this.#machines.get(subscription) === machine || subscription.subscriber.equals(address)) held += 1;
    return held < MAX_SUBSCRIPTIONS_PER_HOST;
  }
}

const UNKNOWN: NotGranted = { status: 412, why: 'unknown or expired SID' };

function notify(sid: string, { callback, key, variables }: Event): SubscriptionsOutput {
  const { endpoint, path }: Callback = callback;
  return {
    kind: 'notify',
    sid,
    endpoint,
    path,
    headers: eventHeaders(endpoint, sid, key),
    body: eventBody(variables),
    within: DELIVER_WITHIN,
  };
}

// One NOTIFY as it is written (UDA 1.1 §4.3.2).

function eventHeaders(endpoint: Endpoint, sid: string, key: number): Readonly<Record<string, string>> {
  return {
    HOST: endpointText(endpoint),
    'CONTENT-TYPE': XML_CONTENT_TYPE,
    NT: 'upnp:event',
    NTS: 'upnp:propchange',
    SID: sid,
    SEQ: String(key),
    CONNECTION: 'close',
  };
}

/** One property element per variable: some subscribers read only the first child of each. */
function eventBody(variables: ReadonlyMap<string, string>): string {
  const properties = [...variables].map(
    ([name, value]) => `<e:property><${name}>${escapeXml(value)}</${name}></e:property>`,
  );
  return `<?xml version="1.0"?>\n<e:propertyset xmlns:e="urn:schemas-upnp-org:event-1-0">${properties.join('')}</e:propertyset>\n`;
}
