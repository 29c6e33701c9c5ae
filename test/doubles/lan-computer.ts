// A computer on the LAN of a scenario: a control point that speaks real SOAP and GENA over the simulated network.
// Each verb lets the time pass that its answer takes; `asks` does not wait.

import type { IpAddress } from '../../src/base/ip-address.ts';
import { after, minutes, seconds } from '../../src/base/time.ts';
import { type FoundService, readGateway } from './control-point-description.ts';
import { ControlPointEvents } from './control-point-events.ts';
import { type ControlPointHttp, parseUrl } from './control-point-http.ts';
import { simulatedControlPointHttp } from './control-point-simulated-http.ts';
import { readSoapAnswer, type SoapAnswer, soapAsk } from './control-point-soap.ts';
import type { Name, Wish } from './lan-wish.ts';
import type { Promises } from './promises-made.ts';
import type { SimulatedHost } from './simulated-host.ts';
import type { SimulatedNetwork } from './simulated-network.ts';
import type { VirtualClock } from './virtual-clock.ts';

export interface LanComputerParts {
  readonly clock: VirtualClock;
  readonly network: SimulatedNetwork;
  readonly host: SimulatedHost;
  readonly own: IpAddress;
  readonly igd: 1 | 2;
  /** "http://192.168.1.1:5000" */
  readonly router: string;
  /** What this and every other computer was told, for the check afterwards. */
  readonly promises: Promises;
}

/** "ok", "error 718", or what was wrong with the connection. */
export type Outcome = string;

export const outcomeOf = (answer: SoapAnswer): Outcome => {
  if (answer.kind === 'success') return 'ok';
  return answer.kind === 'fault' ? `error ${answer.code}` : answer.why;
};

/** Longer than the daemon lets anybody wait. */
const PATIENCE = seconds(120);
const SUBSCRIBED_FOR = 'Second-1800';
const RENEW_EVERY = minutes(15);
/** Far beyond any table of a scenario. */
const MOST_ENTRIES = 5000;

export class LanComputer {
  readonly #parts: LanComputerParts;
  readonly #http: ControlPointHttp;
  #connection: FoundService | undefined;
  #events: ControlPointEvents | undefined;

  constructor(parts: LanComputerParts) {
    this.#parts = parts;
    this.#http = simulatedControlPointHttp(parts.network, parts.host, parts.own);
  }

  get address(): string {
    return this.#parts.own.text;
  }

  get igd(): 1 | 2 {
    return this.#parts.igd;
  }

  async add(wish: Wish): Promise<Outcome> {
    return outcomeOf(await this.#waitFor(this.asksToAdd(wish)));
  }

  /** The reserved port, or the outcome in words. */
  async addAny(wish: Wish): Promise<number | Outcome> {
    const answer = await this.#waitFor(this.asksToAddAny(wish));
    return answer.kind === 'success' ? Number(answer.out.get('NewReservedPort')) : outcomeOf(answer);
  }

  async delete(name: Name): Promise<Outcome> {
    return outcomeOf(await this.#waitFor(this.asksToDelete(name)));
  }

  async deleteRange(first: number, last: number, protocol: 'TCP' | 'UDP' = 'TCP'): Promise<Outcome> {
    return outcomeOf(await this.#waitFor(this.asksToDeleteRange(first, last, protocol)));
  }

  /** Undefined: 714. */
  async entry(name: Name): Promise<ReadonlyMap<string, string> | undefined> {
    const answer = await this.#waitFor(this.asks('GetSpecificPortMappingEntry', nameArguments(name)));
    return answer.kind === 'success' ? answer.out : undefined;
  }

  /** Everything GetGenericPortMappingEntry shows. */
  async listing(): Promise<readonly ReadonlyMap<string, string>[]> {
    const entries: ReadonlyMap<string, string>[] = [];
    while (entries.length < MOST_ENTRIES) {
      const given = [['NewPortMappingIndex', String(entries.length)]] as const;
      const answer = await this.#waitFor(this.asks('GetGenericPortMappingEntry', given));
      if (answer.kind !== 'success') return entries;
      entries.push(answer.out);
    }
    throw new Error('the list has no end');
  }

  async externalAddress(): Promise<string> {
    const answer = await this.#waitFor(this.asks('GetExternalIPAddress', []));
    return answer.kind === 'success' ? (answer.out.get('NewExternalIPAddress') ?? '') : outcomeOf(answer);
  }

  async connectionStatus(): Promise<string> {
    const answer = await this.#waitFor(this.asks('GetStatusInfo', []));
    return answer.kind === 'success' ? (answer.out.get('NewConnectionStatus') ?? '') : outcomeOf(answer);
  }

  async connectionError(): Promise<string> {
    const answer = await this.#waitFor(this.asks('GetStatusInfo', []));
    return answer.kind === 'success' ? (answer.out.get('NewLastConnectionError') ?? '') : outcomeOf(answer);
  }

  asksToAdd(wish: Wish): Promise<SoapAnswer> {
    return this.#parts.promises.adding(this, wish, this.asks('AddPortMapping', wishArguments(wish, this.address)));
  }

  asksToAddAny(wish: Wish): Promise<SoapAnswer> {
    const answer = this.asks('AddAnyPortMapping', wishArguments(wish, this.address));
    return this.#parts.promises.adding(this, wish, answer, true);
  }

  asksToDelete(name: Name): Promise<SoapAnswer> {
    return this.#parts.promises.deleting(name, this.asks('DeletePortMapping', nameArguments(name)));
  }

  asksToDeleteRange(first: number, last: number, protocol: 'TCP' | 'UDP'): Promise<SoapAnswer> {
    const answer = this.asks('DeletePortMappingRange', [
      ['NewStartPort', String(first)],
      ['NewEndPort', String(last)],
      ['NewProtocol', protocol],
      ['NewManage', '0'],
    ]);
    return this.#parts.promises.deletingRange(this, protocol, first, last, answer);
  }

  /** One action of the WANIPConnection service, found by the description. */
  async asks(action: string, given: readonly (readonly [string, string])[]): Promise<SoapAnswer> {
    const connection = await this.#findConnection();
    if (connection === undefined) return { kind: 'broken', why: 'no gateway' };
    const { headers, body, serviceType } = soapAsk(connection.type, action, given, {});
    const got = await this.#http.ask({ method: 'POST', place: connection.control, headers, body, within: PATIENCE });
    return got.ok ? readSoapAnswer(got.value, action, serviceType) : { kind: 'broken', why: 'connection lost' };
  }

  /** From now on `heard` tells what the gateway announces. */
  async subscribe(): Promise<void> {
    const { clock, own } = this.#parts;
    const connection = await this.#waitFor(this.#findConnection());
    if (connection === undefined) throw new Error('there is no gateway to subscribe to');
    this.#events = new ControlPointEvents(this.#http, own, { clock });
    const done = await this.#waitFor(this.#events.subscribe(connection.event, SUBSCRIBED_FOR));
    if (!done.ok) throw new Error(done.error);
    this.#renewLater(this.#events);
    await clock.advance(seconds(1));
  }

  /** The values this variable was announced with, the one at the time of subscription first. */
  heard(variable: string): readonly string[] {
    if (this.#events?.problem !== undefined) throw new Error(this.#events.problem);
    return (this.#events?.received ?? []).flatMap((event) => event.variables.get(variable) ?? []);
  }

  eventsHeard(): number {
    return this.#events?.received.length ?? 0;
  }

  #renewLater(events: ControlPointEvents): void {
    const { clock } = this.#parts;
    clock.wakeAt(after(clock.now(), RENEW_EVERY), async () => {
      const renewed = await events.renew(SUBSCRIBED_FOR);
      if (renewed.ok) this.#renewLater(events);
    });
  }

  #waitFor<T>(answer: Promise<T>): Promise<T> {
    return this.#parts.clock.resolve(answer, PATIENCE);
  }

  async #findConnection(): Promise<FoundService | undefined> {
    if (this.#connection !== undefined) return this.#connection;
    const location = parseUrl(`${this.#parts.router}/igd${this.igd}.xml`);
    if (location === undefined) throw new Error(`not a place: ${this.#parts.router}`);
    const got = await this.#http.ask({ method: 'GET', place: location, headers: [], body: '', within: PATIENCE });
    const gateway = got.ok && got.value.status === 200 ? readGateway(got.value.body, location) : undefined;
    const wanted = `urn:schemas-upnp-org:service:WANIPConnection:${this.igd}`;
    this.#connection = gateway?.ok ? gateway.value.services.find(({ type }) => type === wanted) : undefined;
    return this.#connection;
  }
}

const wishArguments = (wish: Wish, own: string): readonly (readonly [string, string])[] => [
  ['NewRemoteHost', wish.remoteHost ?? ''],
  ['NewExternalPort', String(wish.external)],
  ['NewProtocol', wish.protocol ?? 'TCP'],
  ['NewInternalPort', String(wish.internal ?? wish.external)],
  ['NewInternalClient', wish.client ?? own],
  ['NewEnabled', wish.enabled ?? '1'],
  ['NewPortMappingDescription', wish.description ?? 'game'],
  ['NewLeaseDuration', String(wish.lease ?? 3600)],
];

const nameArguments = (name: Name): readonly (readonly [string, string])[] => [
  ['NewRemoteHost', name.remoteHost ?? ''],
  ['NewExternalPort', String(name.external)],
  ['NewProtocol', name.protocol ?? 'TCP'],
];
