// A client in virtual time with a scripted server: what it sends is read back, what the test says is handed in.
// Randomness stands still in the middle, so retransmissions fall on 0, 3, 9, 21 s.

import { ANY_IPV4, type Endpoint, endpointText, IpAddress } from '../../../src/base/ip-address.ts';
import { portNumber } from '../../../src/base/port-number.ts';
import { after, type Instant, instant, seconds } from '../../../src/base/time.ts';
import { Client, type ServerCandidate } from '../../../src/pcp/asking/client.ts';
import type { ClientOutput } from '../../../src/pcp/asking/client-output.ts';
import { type ClientSettings, DEFAULT_CLIENT_SETTINGS } from '../../../src/pcp/asking/client-settings.ts';
import { type MapOutcome, type ReleaseOutcome, serverId } from '../../../src/pcp/asking/map-outcome.ts';
import type { MapRequest, Patience } from '../../../src/pcp/asking/map-request.ts';
import type { Via } from '../../../src/pcp/asking/server-contact.ts';
import { encodeErrorResponse } from '../../../src/pcp/wire/error-response.ts';
import { decodeRequest, type MapWireRequest, type PcpRequest } from '../../../src/pcp/wire/pcp-request.ts';
import { encodeResponse, type MapResponse } from '../../../src/pcp/wire/pcp-response.ts';
import { EXTERNAL, NONCE, WAN } from '../wire/values.ts';
import { vector } from '../wire/vectors.ts';

export const SERVER: Endpoint = { address: IpAddress.of('100.64.0.1'), port: 5351 };
export const SECOND_ADDRESS: Endpoint = { address: IpAddress.of('100.64.0.2'), port: 5351 };
export const MAIN = serverId('main');
export const candidate = (id: string, ...endpoints: readonly Endpoint[]): ServerCandidate => ({
  id: serverId(id),
  addresses: endpoints.map((endpoint) => ({ endpoint, source: WAN })),
});

/** The AddAnyPortMapping shape of vector V01. */
export const ANY_REQUEST: MapRequest = {
  protocol: 'TCP',
  internalPort: portNumber(40080),
  thirdParty: undefined,
  nonce: NONCE,
  suggestedPort: portNumber(8080),
  suggestedAddress: ANY_IPV4,
  exactPort: false,
  remotePeers: [],
  lifetimeSeconds: 3600,
};
export const EXACT_REQUEST: MapRequest = { ...ANY_REQUEST, exactPort: true };

export const within = (budget: number): Patience => ({ kind: 'answer within', budget: seconds(budget) });

const isProof = ({ internalPort, lifetimeSeconds }: MapWireRequest): boolean =>
  internalPort === 9 && lifetimeSeconds === 0;

export interface Sent {
  /** In seconds. */
  readonly at: number;
  readonly to: string;
  readonly bytes: Uint8Array;
  readonly request: PcpRequest | undefined;
}

interface DeskOptions {
  readonly servers?: readonly ServerCandidate[];
  readonly settings?: Partial<ClientSettings>;
  /** Leaves the first ANNOUNCE unanswered. */
  readonly silent?: boolean;
  readonly unit?: () => number;
}

export const EPOCH_AT_START = 1000;

export class ClientDesk {
  readonly client: Client;
  readonly sent: Sent[] = [];
  readonly outputs: ClientOutput[] = [];
  #now: Instant = instant(0);
  #nextId = 1;

  constructor({ servers = [candidate('main', SERVER)], settings = {}, silent = false, unit }: DeskOptions = {}) {
    this.client = new Client({ ...DEFAULT_CLIENT_SETTINGS, ...settings }, unit ?? (() => 0.5));
    this.do((client, now) => client.setServers(servers, now));
    if (!silent) {
      for (const { addresses } of servers) {
        const first = addresses[0];
        if (first !== undefined) this.announce(EPOCH_AT_START, first.endpoint);
      }
      this.forget();
    }
  }

  /** Seconds since the start. */
  get now(): number {
    return this.#now / 1000;
  }

  instant(at: number): Instant {
    return instant(at * 1000);
  }

  do(step: (client: Client, now: Instant) => readonly ClientOutput[]): readonly ClientOutput[] {
    const outputs = step(this.client, this.#now);
    for (const output of outputs) {
      this.outputs.push(output);
      if (output.kind !== 'transmit') continue;
      const decoded = decodeRequest(output.bytes);
      const request = decoded.kind === 'request' ? decoded.request : undefined;
      this.sent.push({ at: this.now, to: endpointText(output.to), bytes: output.bytes, request });
    }
    return outputs;
  }

  /** Lets time pass; every wake on the way is served. */
  advanceTo(at: number): this {
    const end = this.instant(at);
    for (let rounds = 0; rounds < 100_000; rounds += 1) {
      const wake = this.client.nextWake();
      if (wake === undefined || wake.at > end) {
        this.#now = end;
        return this;
      }
      if (wake.at > this.#now) this.#now = wake.at;
      this.do((client, now) => client.handleTimeout(now));
    }
    throw new Error(`the client spins at ${this.now} s: ${this.client.nextWake()?.why}`);
  }

  advance(span: number): this {
    return this.advanceTo(this.now + span);
  }

  map(request: MapRequest, patience: Patience = within(1000)): number {
    const id = this.#nextId++;
    this.do((client, now) => client.map(id, request, patience, now));
    return id;
  }

  release(request: MapRequest, forSeconds = 60, isWaitedFor = false): number {
    const id = this.#nextId++;
    const { protocol, internalPort, thirdParty, nonce } = request;
    const key = { protocol, internalPort, thirdParty, nonce };
    this.do((client, now) => client.release(id, { key, until: after(now, seconds(forSeconds)), isWaitedFor }, now));
    return id;
  }

  hand(bytes: Uint8Array, from: Endpoint = SERVER, via: Via = 'unicast'): readonly ClientOutput[] {
    return this.do((client, now) => client.handleDatagram(bytes, from, via, now));
  }

  /** The epoch a server that never restarted would show now. */
  get epoch(): number {
    return EPOCH_AT_START + Math.floor(this.now);
  }

  announce(epoch = this.epoch, from: Endpoint = SERVER, via: Via = 'unicast'): readonly ClientOutput[] {
    return this.hand(encodeResponse({ kind: 'announce', code: 0, lifetimeSeconds: 0, epoch, options: [] }), from, via);
  }

  /** Answers the last MAP that was sent as a server would that grants what is suggested. */
  grant(change: Partial<MapResponse> = {}, from: Endpoint = SERVER): readonly ClientOutput[] {
    return this.grantTo(this.lastMap(), change, from);
  }

  grantTo(
    request: MapWireRequest,
    change: Partial<MapResponse> = {},
    from: Endpoint = SERVER,
  ): readonly ClientOutput[] {
    const { kind: _kind, clientAddress: _address, options, ...fields } = request;
    const granted = { externalAddress: EXTERNAL, code: 0, epoch: this.epoch, options };
    return this.hand(encodeResponse({ kind: 'map', ...fields, ...granted, ...change }), from);
  }

  /** Answers the last datagram with an error. */
  refuse(code: number, lifetimeSeconds: number, epoch = this.epoch): readonly ClientOutput[] {
    const last = this.sent.at(-1);
    if (last === undefined) throw new Error('nothing was sent');
    return this.hand(encodeErrorResponse(last.bytes, { code, lifetimeSeconds, epoch }));
  }

  lastMap(): MapWireRequest {
    const last = this.maps().at(-1)?.request;
    if (last?.kind !== 'map') throw new Error('no MAP was sent');
    return last;
  }

  maps(): readonly Sent[] {
    return this.sent.filter(({ request }) => request?.kind === 'map' && !isProof(request));
  }

  /** Questions that only the server itself can answer: deletions of nothing, under a nonce. */
  proofs(): readonly Sent[] {
    return this.sent.filter(({ request }) => request?.kind === 'map' && isProof(request));
  }

  /** Answers the last of them as the server itself would. */
  answerProof(change: Partial<MapResponse> = {}, from: Endpoint = SERVER): readonly ClientOutput[] {
    const last = this.proofs().at(-1)?.request;
    if (last?.kind !== 'map') throw new Error('the server was not asked under a nonce');
    return this.grantTo(last, { lifetimeSeconds: 0, ...change }, from);
  }

  /** The server is silent, at all its addresses, until it counts as down. */
  becomeSilent(): void {
    this.map({ ...ANY_REQUEST, internalPort: portNumber(60_000) }, within(1000));
    for (let round = 0; round < 40 && this.client.health() !== 'down'; round += 1) this.advance(5);
  }

  announces(): readonly Sent[] {
    return this.sent.filter(({ request }) => request?.kind === 'announce');
  }

  outcome(id: number): MapOutcome | ReleaseOutcome | undefined {
    for (const output of this.outputs) {
      if ((output.kind === 'settled' || output.kind === 'released') && output.id === id) return output.outcome;
    }
    return undefined;
  }

  has<Kind extends ClientOutput['kind']>(kind: Kind): readonly (ClientOutput & { readonly kind: Kind })[] {
    return this.outputs.filter((output): output is ClientOutput & { readonly kind: Kind } => output.kind === kind);
  }

  ignoredBecause(): readonly string[] {
    return this.has('ignored').map(({ why }) => why);
  }

  view() {
    const view = this.client.view(this.#now)[0];
    if (view === undefined) throw new Error('there is no server');
    return view;
  }

  forget(): void {
    this.sent.length = 0;
    this.outputs.length = 0;
  }
}

export { vector };
