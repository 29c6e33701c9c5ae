// GENA as a control point speaks it: a listener of its own, SUBSCRIBE and its kin, and the events in the order they came.

import type { Host } from '../../src/base/host.ts';
import type { HttpListener, HttpRequest, HttpResponse } from '../../src/base/http.ts';
import { endpointText, type IpAddress } from '../../src/base/ip-address.ts';
import { ok, type Result, refused } from '../../src/base/result.ts';
import { after, type Duration, milliseconds, seconds } from '../../src/base/time.ts';
import { childrenNamed, parseXml } from '../../src/base/xml.ts';
import type { ControlPointHttp, Place } from './control-point-http.ts';
import { pause } from './control-point-ssdp.ts';

const LIMITS = {
  bodyBytes: 100_000,
  headBytes: 16_384,
  headWithin: seconds(10),
  requestWithin: seconds(10),
  takenWithin: seconds(10),
  connections: 16,
  connectionsPerPeer: 16,
};
const ANSWER_WITHIN = seconds(30);
const LOOK_EVERY = milliseconds(20);

export interface ReceivedEvent {
  readonly sid: string;
  readonly key: number;
  readonly variables: ReadonlyMap<string, string>;
}

export class ControlPointEvents {
  readonly #http: ControlPointHttp;
  readonly #own: IpAddress;
  readonly #clock: Pick<Host, 'clock'>;
  readonly received: ReceivedEvent[] = [];
  #seen = 0;
  #problem: string | undefined;
  #listener: HttpListener | undefined;
  #subscription: { readonly sid: string; readonly place: Place } | undefined;

  constructor(http: ControlPointHttp, own: IpAddress, clock: Pick<Host, 'clock'>) {
    this.#http = http;
    this.#own = own;
    this.#clock = clock;
  }

  /** What is wrong with the events so far: a gap in SEQ, another subscription's SID, no property set. */
  get problem(): string | undefined {
    return this.#problem;
  }

  async subscribe(place: Place, timeout: string): Promise<Result<string, string>> {
    const endpoint = { address: this.#own, port: 0 };
    const opened = await this.#http.listen({ kind: 'tcp', endpoint }, LIMITS, async (request) =>
      this.#receive(request),
    );
    if (!opened.ok) return opened;
    this.#listener = opened.value;
    const answer = await this.#ask('SUBSCRIBE', place, [
      ['CALLBACK', `<http://${endpointText(opened.value.endpoint)}/events>`],
      ['NT', 'upnp:event'],
      ['TIMEOUT', timeout],
    ]);
    if (!answer.ok) return answer;
    const sid = answer.value['sid'];
    if (sid === undefined || !/^Second-\d+$/i.test(answer.value['timeout'] ?? ''))
      return refused('no SID or no TIMEOUT');
    this.#subscription = { sid, place };
    return ok(`SID ${sid}, ${answer.value['timeout']}`);
  }

  async renew(timeout: string): Promise<Result<string, string>> {
    if (this.#subscription === undefined) return refused('there is no subscription');
    const { sid, place } = this.#subscription;
    const answer = await this.#ask('SUBSCRIBE', place, [
      ['SID', sid],
      ['TIMEOUT', timeout],
    ]);
    if (!answer.ok) return answer;
    return answer.value['sid'] === sid ? ok(`${answer.value['timeout']}`) : refused('another SID came back');
  }

  async unsubscribe(): Promise<Result<string, string>> {
    if (this.#subscription === undefined) return refused('there is no subscription');
    const { sid, place } = this.#subscription;
    const answer = await this.#ask('UNSUBSCRIBE', place, [['SID', sid]]);
    await this.close();
    return answer.ok ? ok('ended') : answer;
  }

  /** The next event that carries the variable; earlier ones are passed over. */
  async await(variable: string, within: Duration): Promise<Result<string, string>> {
    const end = after(this.#clock.clock.now(), within);
    for (;;) {
      while (this.#seen < this.received.length) {
        const event = this.received[this.#seen];
        this.#seen += 1;
        const value = event?.variables.get(variable);
        if (this.#problem !== undefined) return refused(this.#problem);
        if (event !== undefined && value !== undefined) return ok(`SEQ ${event.key}, ${variable} = ${value}`);
      }
      if (this.#clock.clock.now() >= end) return refused('no such event came');
      await pause(this.#clock, LOOK_EVERY);
    }
  }

  async close(): Promise<void> {
    await this.#listener?.close();
    this.#listener = undefined;
    this.#subscription = undefined;
  }

  async #ask(
    method: string,
    place: Place,
    headers: readonly (readonly [string, string])[],
  ): Promise<Result<Readonly<Record<string, string>>, string>> {
    const got = await this.#http.ask({ method, place, headers, body: '', within: ANSWER_WITHIN });
    if (!got.ok) return got;
    return got.value.status === 200 ? ok(got.value.headers) : refused(`HTTP ${got.value.status}`);
  }

  #receive(request: HttpRequest): HttpResponse {
    const key = Number(request.headers['seq']);
    const sid = request.headers['sid'] ?? '';
    const parsed = parseXml(request.body, { characters: 100_000, tags: 1000 });
    if (request.method !== 'NOTIFY' || !parsed.ok || parsed.value.name !== 'propertyset') {
      this.#problem = 'something that is no event came to the callback';
      return { status: 400 };
    }
    if (key !== this.received.length) this.#problem = `SEQ ${key} came where ${this.received.length} was due`;
    const properties = childrenNamed(parsed.value, 'property').flatMap((property) => property.children);
    this.received.push({ sid, key, variables: new Map(properties.map(({ name, text }) => [name, text])) });
    return { status: 200 };
  }
}
