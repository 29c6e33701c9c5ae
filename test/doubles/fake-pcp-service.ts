// The PCP client's manners without its wire: retransmission, patience, refusals answered from memory, one request per
// mapping, withdrawal of what nobody waits for any more. It speaks with a `FakePcpServer` over a link with faults.

import type { Clock } from '../../src/base/host.ts';
import { IpAddress } from '../../src/base/ip-address.ts';
import {
  after,
  type Duration,
  earlier,
  type Instant,
  milliseconds,
  scale,
  seconds,
  shorter,
} from '../../src/base/time.ts';
import type { Patience, PcpService, PcpServiceListener } from '../../src/interworking/pcp-service.ts';
import {
  type MapOutcome,
  type ReleaseOutcome,
  type ServerId,
  serverId,
  type Unanswered,
  type Withdrawal,
} from '../../src/pcp/asking/map-outcome.ts';
import type { MapKey, MapRequest } from '../../src/pcp/asking/map-request.ts';
import { CANNOT_PROVIDE_EXTERNAL, holdOf } from '../../src/pcp/asking/result-code.ts';
import type { FakePcpServer, ServerMapping } from './fake-pcp-server.ts';

export type Packet =
  | { readonly kind: 'map'; readonly at: Instant; readonly request: MapRequest; readonly patience: Patience['kind'] }
  | { readonly kind: 'release'; readonly at: Instant; readonly key: MapKey };

interface Exchange {
  readonly key: string;
  readonly isMap: boolean;
  isOpen: boolean;
  give(outcome: Unanswered): void;
}

/** RFC 6887 §8.1.1, without the jitter: 3 s, then twice as long each time. */
const FIRST_RETRANSMISSION = seconds(3);
const LONGEST_RETRANSMISSION = seconds(1024);

export class FakePcpService implements PcpService {
  readonly #clock: Clock;
  server: FakePcpServer;
  readonly packets: Packet[] = [];
  #listener: PcpServiceListener | undefined;
  #current: ServerId | undefined = serverId('carrier');
  #source: IpAddress | undefined = IpAddress.of('192.0.2.2');
  readonly #open = new Map<string, Exchange>();
  readonly #memory = new Map<
    string,
    { readonly code: number; readonly lifetimeSeconds: number; readonly until: Instant }
  >();
  readonly #held = new Set<string>();
  #withdrawals: MapKey[] = [];
  #lostState = false;
  latency: Duration = milliseconds(20);
  /** Nothing comes through. */
  isSilent = false;
  /** The server acts, its next answers are lost. */
  answersToLose = 0;
  isKnownDown = false;
  namesThirdParty = true;
  filtersRemotePeers = true;

  constructor(clock: Clock, server: FakePcpServer) {
    this.#clock = clock;
    this.server = server;
  }

  /** What left since the last look. */
  takePackets(): readonly Packet[] {
    return this.packets.splice(0);
  }

  get maps(): readonly MapRequest[] {
    return this.packets.flatMap((packet) => (packet.kind === 'map' ? [packet.request] : []));
  }

  get releases(): readonly MapKey[] {
    return this.packets.flatMap((packet) => (packet.kind === 'release' ? [packet.key] : []));
  }

  /** The server starts afresh; the client notices when it next hears of it. */
  restartServer(how: { readonly keepsTable: boolean; readonly announces: boolean }): void {
    if (!how.keepsTable) this.server.forgetAll();
    this.#lostState = true;
    if (how.announces && !this.isSilent) this.#noticeLoss();
  }

  changeServer(server: FakePcpServer, name: string): void {
    this.server = server;
    this.#current = serverId(name);
    this.#listener?.serverChanged(this.#current);
  }

  loseServer(): void {
    this.#current = undefined;
    this.#listener?.serverChanged(undefined);
  }

  moveTo(address: string | undefined): void {
    this.#source = address === undefined ? undefined : IpAddress.of(address);
    this.#listener?.sourceAddressChanged(this.#source);
  }

  /** A Mapping Update for one of the server's mappings, as it stands now. */
  sendUpdate(
    mapping: ServerMapping,
    change?: { readonly code: number; readonly lifetimeSeconds: number } | 'doubted',
  ): void {
    const { nonce, protocol, internalPort, internalAddress } = mapping;
    const server = this.#current;
    if (server === undefined) return;
    this.#listener?.mappingUpdated({
      server,
      nonce,
      protocol,
      internalPort,
      internalAddress,
      change:
        change === 'doubted'
          ? { kind: 'doubted' }
          : change !== undefined
            ? { kind: 'refused', ...change }
            : {
                kind: 'granted',
                assignedAddress: mapping.externalAddress,
                assignedPort: mapping.externalPort,
                lifetime: (mapping.expiresAt - this.#clock.now()) as Duration,
              },
    });
  }

  setHealth(isKnownDown: boolean): void {
    this.isKnownDown = isKnownDown;
    this.#listener?.healthChanged();
    if (!isKnownDown) this.#withdrawAll();
  }

  currentServer(): ServerId | undefined {
    return this.#current;
  }

  health(): 'up' | 'unknown' | 'down' {
    return this.isKnownDown || this.#current === undefined ? 'down' : 'up';
  }

  /** Whoever is known to be down here stays so until the test says otherwise. */
  seek(): boolean {
    return false;
  }

  sourceAddress(): IpAddress | undefined {
    return this.#source;
  }

  canNameThirdParty(): boolean {
    return this.namesThirdParty;
  }

  canFilterRemotePeers(): boolean {
    return this.filtersRemotePeers;
  }

  listen(listener: PcpServiceListener): void {
    this.#listener = listener;
  }

  map(request: MapRequest, patience: Patience): Promise<MapOutcome> {
    const key = keyText(request);
    const server = this.#current;
    if (server === undefined) return Promise.resolve({ kind: 'unanswered', why: 'no server' });
    const memory = this.#memory.get(requestText(request));
    if (memory !== undefined && memory.until > this.#clock.now()) {
      const hold = (memory.until - this.#clock.now()) as Duration;
      const { code, lifetimeSeconds } = memory;
      return Promise.resolve({ kind: 'refused', server, code, lifetimeSeconds, hold, by: 'memory' });
    }
    if (this.isKnownDown && patience.kind === 'answer within')
      return Promise.resolve({ kind: 'unanswered', why: 'server known to be down' });
    this.#supersede(key);
    return new Promise((resolve) => {
      const exchange: Exchange = { key, isMap: true, isOpen: true, give: resolve };
      this.#open.set(key, exchange);
      this.#limit(exchange, request, patience);
      this.#trySend(exchange, patience.kind === 'one packet' ? 1 : Number.POSITIVE_INFINITY, () => {
        this.packets.push({ kind: 'map', at: this.#clock.now(), request, patience: patience.kind });
        const answer = this.#reach(() => this.server.map(request, this.#source ?? IpAddress.of('0.0.0.0')));
        if (answer === undefined) return;
        this.#close(exchange);
        if (answer.kind === 'granted') {
          const { mapping, lifetime } = answer;
          this.#held.add(key);
          resolve({
            kind: 'granted',
            server,
            internalAddress: mapping.internalAddress,
            assignedAddress: mapping.externalAddress,
            assignedPort: mapping.externalPort,
            lifetime,
          });
        } else {
          const { code, lifetimeSeconds } = answer;
          const hold = holdOf(code, lifetimeSeconds);
          if (code === CANNOT_PROVIDE_EXTERNAL)
            this.#memory.set(requestText(request), { code, lifetimeSeconds, until: after(this.#clock.now(), hold) });
          resolve({ kind: 'refused', server, code, lifetimeSeconds, hold, by: 'server' });
        }
      });
    });
  }

  release(mapKey: MapKey, until: Instant): Promise<ReleaseOutcome> {
    const key = keyText(mapKey);
    this.#supersede(key);
    this.#held.delete(key);
    const server = this.#current;
    if (server === undefined) return Promise.resolve({ kind: 'unanswered', why: 'no server' });
    this.#forgetRefusals();
    return new Promise((resolve) => {
      const exchange: Exchange = { key, isMap: false, isOpen: true, give: resolve };
      this.#open.set(key, exchange);
      this.#endAt(exchange, until, () => {});
      this.#trySend(exchange, Number.POSITIVE_INFINITY, () => {
        this.packets.push({ kind: 'release', at: this.#clock.now(), key: mapKey });
        const answer = this.#reach(() => this.server.release(mapKey, this.#source ?? IpAddress.of('0.0.0.0')));
        if (answer === undefined) return;
        this.#close(exchange);
        if (answer === 'released') resolve({ kind: 'released', server, busyFor: seconds(0) });
        else resolve({ kind: 'refused', server, code: 2, lifetimeSeconds: 60, hold: seconds(60), by: 'server' });
      });
    });
  }

  releaseOwed(server: ServerId, key: MapKey, until: Instant): Promise<ReleaseOutcome> {
    if (server !== this.#current) return Promise.resolve({ kind: 'unanswered', why: 'no server' });
    if (this.#open.get(keyText(key))?.isMap === true)
      return Promise.resolve({ kind: 'unanswered', why: 'no answer in time' });
    return this.release(key, until);
  }

  /** Undefined: the packet or its answer was lost on the way. */
  #reach<T>(act: () => T): T | undefined {
    if (this.isSilent || this.isKnownDown || this.#source === undefined) return undefined;
    const answer = act();
    if (this.answersToLose > 0) {
      this.answersToLose -= 1;
      return undefined;
    }
    this.#noticeLoss();
    this.#withdrawAll();
    return answer;
  }

  #trySend(exchange: Exchange, most: number, send: () => void): void {
    const attempt = (left: number, wait: Duration): void => {
      if (!exchange.isOpen || left === 0) return;
      send();
      const next = shorter(scale(wait, 2), LONGEST_RETRANSMISSION);
      this.#clock.wakeAt(after(this.#clock.now(), wait), () => attempt(left - 1, next));
    };
    this.#clock.wakeAt(after(this.#clock.now(), this.latency), () => attempt(most, FIRST_RETRANSMISSION));
  }

  #limit(exchange: Exchange, request: MapRequest, patience: Patience): void {
    if (patience.kind !== 'answer within') {
      this.#endAt(exchange, patience.until, () => {});
      return;
    }
    // RFC 6887 §15: a late success must not leave a mapping nobody knows of. A refresh of what we have is no such thing.
    const withdraw = (): void => {
      if (this.#held.has(exchange.key)) return;
      this.#withdrawals.push(request);
      this.#tellWithdrawal('owed', request, seconds(request.lifetimeSeconds));
      if (!this.isSilent && !this.isKnownDown) this.#withdrawAll();
    };
    this.#endAt(exchange, after(this.#clock.now(), patience.budget), withdraw);
    patience.hungUp?.addEventListener('abort', () => {
      if (!exchange.isOpen) return;
      this.#close(exchange);
      withdraw();
      exchange.give({ kind: 'unanswered', why: 'hung up' });
    });
  }

  #endAt(exchange: Exchange, at: Instant, afterwards: () => void): void {
    // A week is more than any test waits for; the clock's heap need not hold "never".
    this.#clock.wakeAt(earlier(at, after(this.#clock.now(), seconds(2_000_000))), () => {
      if (!exchange.isOpen) return;
      this.#close(exchange);
      afterwards();
      exchange.give({ kind: 'unanswered', why: 'no answer in time' });
    });
  }

  #withdrawAll(): void {
    const keys = this.#withdrawals;
    this.#withdrawals = [];
    for (const key of keys)
      if (!this.#open.has(keyText(key))) {
        this.server.release(key, key.thirdParty ?? this.#source ?? IpAddress.of('0.0.0.0'));
        this.#tellWithdrawal('answered', key, seconds(0));
      }
  }

  #tellWithdrawal(state: Withdrawal['state'], key: MapKey, lifetime: Duration): void {
    const { nonce, protocol, internalPort, thirdParty } = key;
    const internalAddress = thirdParty ?? this.#source;
    if (this.#current === undefined || internalAddress === undefined) return;
    const about = { server: this.#current, nonce, protocol, internalPort, internalAddress, lifetime };
    this.#listener?.withdrawal({ state, ...about, isThirdParty: thirdParty !== undefined });
  }

  #noticeLoss(): void {
    if (!this.#lostState || this.#current === undefined) return;
    this.#lostState = false;
    this.#forgetRefusals();
    this.#listener?.serverLostState(this.#current);
  }

  #forgetRefusals(): void {
    this.#memory.clear();
  }

  /** One request per mapping: the latest wish counts. */
  #supersede(key: string): void {
    this.#withdrawals = this.#withdrawals.filter((withdrawal) => keyText(withdrawal) !== key);
    const open = this.#open.get(key);
    if (open === undefined) return;
    this.#close(open);
    open.give({ kind: 'unanswered', why: 'no answer in time' });
  }

  #close(exchange: Exchange): void {
    exchange.isOpen = false;
    if (this.#open.get(exchange.key) === exchange) this.#open.delete(exchange.key);
  }
}

const keyText = (key: MapKey): string =>
  `${key.thirdParty?.text ?? '-'} ${key.protocol} ${key.internalPort} ${key.nonce}`;

const requestText = (request: MapRequest): string =>
  `${keyText(request)} ${request.suggestedPort} ${request.suggestedAddress.text} ${request.exactPort}`;
