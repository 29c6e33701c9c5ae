// GENA over HTTP: turns SUBSCRIBE and UNSUBSCRIBE requests into calls of the machine, and its events into NOTIFY requests.
// Whose callback is acceptable, when an event is due and in which order is decided in upnp/eventing/.

import type { Driven, Driver } from '../base/drive.ts';
import type { Host } from '../base/host.ts';
import type { HttpRequest, HttpResponse } from '../base/http.ts';
import type { IpAddress } from '../base/ip-address.ts';
import { OccasionalWarning } from '../base/occasional-warning.ts';
import { type Result, unreachable } from '../base/result.ts';
import { type EventedService, readSubscribeRequest, timeoutText } from '../upnp/eventing/subscription.ts';
import {
  type Granted,
  type NotGranted,
  type Subscriber,
  Subscriptions,
  type SubscriptionsOutput,
} from '../upnp/eventing/subscriptions.ts';
import { upnpHeaders } from '../upnp/upnp-headers.ts';

export interface EventingSessionOptions {
  readonly host: Host;
  readonly driver: Driver;
  readonly services: readonly EventedService[];
  /** The same text for all addresses of one machine, where that is known. */
  readonly machineOf: (address: IpAddress) => string;
  /** "OS/version UPnP/1.1 product/version". */
  readonly server: string;
}

export interface EventingCounts {
  readonly subscriptions: number;
  readonly eventsDelivered: number;
  readonly eventsFailed: number;
  readonly requestsRefused: number;
}

export class EventingSession {
  readonly #options: EventingSessionOptions;
  readonly #services: ReadonlyMap<string, EventedService>;
  readonly #driven: Driven<Subscriptions, SubscriptionsOutput>;
  readonly #warning: OccasionalWarning;
  #delivered = 0;
  #failed = 0;
  #refused = 0;
  #isClosed = false;

  constructor(options: EventingSessionOptions) {
    this.#options = options;
    this.#services = new Map(options.services.map((service) => [service.path, service]));
    this.#warning = new OccasionalWarning(options.host);
    const machine = new Subscriptions(options.services, options.host.random, options.machineOf);
    this.#driven = options.driver.add('events', machine, (output) => this.#perform(output));
  }

  counts(): EventingCounts {
    return {
      subscriptions: this.#driven.machine.size,
      eventsDelivered: this.#delivered,
      eventsFailed: this.#failed,
      requestsRefused: this.#refused,
    };
  }

  /** Whether `path` is an event URL. */
  serves(path: string): boolean {
    return this.#services.has(path);
  }

  handle(request: HttpRequest): HttpResponse {
    const service = this.#services.get(request.path);
    if (service === undefined) return this.#refuse(request, 404, 'unknown event URL');
    const asked = readSubscribeRequest(request);
    const { clock } = this.#options.host;
    const { machine } = this.#driven;
    const from: Subscriber = { address: request.peer.address, local: request.local };
    switch (asked.kind) {
      case 'subscribe': {
        const granted = machine.subscribe(service.key, asked.callback, asked.timeout, from, clock.now());
        return this.#answer(request, granted, (sid) => this.#driven.run((m, now) => m.handleAnswered(sid, now)));
      }
      case 'renew':
        return this.#answer(request, machine.renew(service.key, asked.sid, asked.timeout, from, clock.now()));
      case 'unsubscribe': {
        const done = machine.unsubscribe(service.key, asked.sid, from);
        this.#wakesChanged();
        return done.ok ? this.#reply(request, 200) : this.#refuse(request, done.error.status, done.error.why);
      }
      case 'refused':
        return this.#refuse(request, asked.status, asked.why);
      default:
        return unreachable(asked);
    }
  }

  /** The variables that changed, with their new values. */
  publish(serviceKey: string, variables: ReadonlyMap<string, string>): void {
    this.#driven.run((machine, now) => machine.handleChange(serviceKey, variables, now));
  }

  close(): void {
    this.#isClosed = true;
    this.#driven.remove();
  }

  #answer(
    request: HttpRequest,
    granted: Result<Granted, NotGranted>,
    afterwards?: (sid: string) => void,
  ): HttpResponse {
    this.#wakesChanged();
    if (!granted.ok) return this.#refuse(request, granted.error.status, granted.error.why);
    const { sid, timeout } = granted.value;
    const response = this.#reply(request, 200, { SID: sid, TIMEOUT: timeoutText(timeout) });
    return afterwards === undefined ? response : { ...response, afterwards: () => afterwards(sid) };
  }

  /** `subscribe` and its kin have no outputs, but the driver must learn of their wakes. */
  #wakesChanged(): void {
    this.#driven.run(() => []);
  }

  #refuse(request: HttpRequest, status: number, why: string): HttpResponse {
    this.#refused += 1;
    const what = status === 405 ? 'a request to an event URL' : 'a subscription request';
    this.#warning.say(`${what} was refused: ${why}`);
    return this.#reply(request, status, status === 405 ? { ALLOW: 'SUBSCRIBE, UNSUBSCRIBE' } : {});
  }

  #reply(request: HttpRequest, status: number, headers: Readonly<Record<string, string>> = {}): HttpResponse {
    const { host, server } = this.#options;
    return { status, headers: { ...upnpHeaders(request, server, host.clock.wallTime()), ...headers } };
  }

  #perform(output: SubscriptionsOutput): void {
    switch (output.kind) {
      case 'notify':
        void this.#notify(output);
        return;
      case 'expired':
        this.#options.host.log.debug('a subscription ran out', { subscriber: output.subscriber.text });
        return;
      default:
        unreachable(output);
    }
  }

  async #notify(output: SubscriptionsOutput & { readonly kind: 'notify' }): Promise<void> {
    const { sid, endpoint, path, headers, body, within } = output;
    const answer = await this.#options.host.http.call({ method: 'NOTIFY', endpoint, path, headers, body, within });
    if (this.#isClosed) return;
    const isDelivered = answer.ok && answer.value >= 200 && answer.value < 300;
    if (isDelivered) this.#delivered += 1;
    else this.#failed += 1;
    this.#driven.run((machine, now) =>
      isDelivered ? machine.handleDelivered(sid, now) : machine.handleFailed(sid, now),
    );
  }
}
