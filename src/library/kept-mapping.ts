// One mapping kept alive for a program that asked for it: renewed in its windows (RFC 6887 §11.2.1), restored after the
// server lost its state (§14.1.3), made again when it was lost. For the library; the daemon's table has its own loop.

import type { CancelWake, Clock, RandomSource } from '../base/host.ts';
import type { IpAddress } from '../base/ip-address.ts';
import type { PortNumber } from '../base/port-number.ts';
import { after, type Duration, earlier, type Instant, later, minutes, scale, seconds, shorter } from '../base/time.ts';
import type { Patience, PcpService } from '../interworking/pcp-service.ts';
import type {
  Granted,
  MappingUpdate,
  Refused,
  ReleaseOutcome,
  ServerId,
  Unanswered,
} from '../pcp/asking/map-outcome.ts';
import type { MapRequest } from '../pcp/asking/map-request.ts';
import { type MappingNonce, NONCE_BYTES, nonceFromBytes } from '../pcp/asking/mapping-nonce.ts';
import { firstRenewal, nextRenewal, type RenewalTime } from '../pcp/asking/renewal-time.ts';

type NotGranted = Refused | Unanswered;

export interface KeptMappingListener {
  /** Another external address or port, or back after a loss. */
  changed(): void;
  /** Nobody reaches it now; it is tried again from time to time until it is released. */
  lost(why: NotGranted): void;
}

export type KeepingService = Pick<PcpService, 'map' | 'release' | 'currentServer'>;

interface Surroundings {
  readonly service: KeepingService;
  readonly clock: Clock;
  readonly random: RandomSource;
}

/** RFC 6887 §14.1.3: clients of a restarted server come back within this time, each at its own moment. */
const RESTORE_SPREAD = seconds(5);
/** A lost mapping is asked for again after this long, then half as often each time. */
const FIRST_RETRY = seconds(30);
const LONGEST_RETRY = minutes(15);
/** A mapping that ended is not called lost before it was asked for again that long. */
const REMAKE_PATIENCE = seconds(30);
const RETRY_PATIENCE = seconds(10);
const RELEASE_PATIENCE = seconds(10);

export class KeptMapping {
  readonly #around: Surroundings;
  readonly #listener: KeptMappingListener;
  readonly #request: MapRequest;
  /** RFC 6887 §11.2: another one for each server; there are as many as are configured. */
  readonly #nonces: Map<ServerId, MappingNonce>;
  #granted: Granted;
  #grantedAt: Instant;
  #state: 'mapped' | 'lost' | 'released' = 'mapped';
  #retry: Duration = FIRST_RETRY;
  #cancelWake: CancelWake = () => {};
  /** Answers to what was asked before this number are stale. */
  #turn = 0;

  constructor(around: Surroundings, request: MapRequest, granted: Granted, listener: KeptMappingListener) {
    this.#around = around;
    this.#request = request;
    this.#nonces = new Map([[granted.server, request.nonce]]);
    this.#granted = granted;
    this.#grantedAt = around.clock.now();
    this.#listener = listener;
    this.#planFirstRenewal();
  }

  get state(): 'mapped' | 'lost' | 'released' {
    return this.#state;
  }

  get externalAddress(): IpAddress {
    return this.#granted.assignedAddress;
  }

  get externalPort(): PortNumber {
    return this.#granted.assignedPort;
  }

  get internalAddress(): IpAddress {
    return this.#granted.internalAddress;
  }

  get expiresAt(): Instant {
    return after(this.#grantedAt, this.#granted.lifetime);
  }

  /** The server lost its state, or we have another address (RFC 6887 §14.1.3). */
  restore(): void {
    if (this.#state === 'released') return;
    // What is still under way was asked of a server as it was before.
    this.#turn += 1;
    this.#at(after(this.#now(), scale(RESTORE_SPREAD, this.#around.random.unit())), () => {
      const atMost = earlier(after(this.#now(), LONGEST_RETRY), this.expiresAt);
      const until = later(after(this.#now(), REMAKE_PATIENCE), atMost);
      void this.#ask({ kind: 'keep trying', until }, (outcome) => this.#lose(outcome));
    });
  }

  /** The server answers again: what was lost need not wait for its next try. */
  serverIsBack(): void {
    if (this.#state === 'lost') this.restore();
  }

  /** RFC 6887 §14.2: taken over, and confirmed by a renewal, which also stops the copies. */
  update({ nonce, change }: MappingUpdate): void {
    if (this.#state === 'released' || nonce !== this.#nonceFor(this.#granted.server)) return;
    if (change.kind === 'granted') {
      this.#take({ ...this.#granted, ...change });
      const patience: Patience = { kind: 'one packet', until: after(this.#now(), RETRY_PATIENCE) };
      void this.#ask(patience, () => this.#planFirstRenewal());
      return;
    }
    if (change.kind === 'doubted') {
      this.restore();
      return;
    }
    const { code, lifetimeSeconds } = change;
    const hold = seconds(lifetimeSeconds);
    this.#lose({ kind: 'refused', server: this.#granted.server, code, lifetimeSeconds, hold, by: 'server' });
  }

  /** Asked again and again for that long; what stays unanswered ends at the server when its lifetime does. */
  async release(within: Duration = RELEASE_PATIENCE): Promise<ReleaseOutcome> {
    this.#state = 'released';
    this.#cancelWake();
    this.#turn += 1;
    const { protocol, internalPort, thirdParty } = this.#request;
    const key = { protocol, internalPort, thirdParty, nonce: this.#nonceFor(this.#granted.server) };
    return this.#around.service.release(key, after(this.#now(), within));
  }

  /** No more renewals; the mapping ends when its lifetime does. */
  abandon(): void {
    this.#state = 'released';
    this.#cancelWake();
    this.#turn += 1;
  }

  #planFirstRenewal(): void {
    this.#planRenewal(firstRenewal(this.#grantedAt, this.#granted.lifetime, this.#around.random.unit()));
  }

  #planRenewal(renewal: RenewalTime | undefined): void {
    if (renewal === undefined) {
      // RFC 6887 §11.2.1: what has ended is asked for as if it were new, with retransmissions; the server holds the port
      // back for us meanwhile (§15).
      this.#at(this.expiresAt, () => {
        const patience: Patience = { kind: 'keep trying', until: after(this.#now(), REMAKE_PATIENCE) };
        void this.#ask(patience, (outcome) => this.#lose(outcome));
      });
      return;
    }
    this.#at(renewal.renewAt, () => {
      const used = { window: renewal.window, sentAt: this.#now() };
      const next = nextRenewal(this.#grantedAt, this.#granted.lifetime, used, this.#around.random.unit());
      const patience: Patience = { kind: 'one packet', until: next?.renewAt ?? this.expiresAt };
      void this.#ask(patience, () => this.#planRenewal(next));
    });
  }

  /**
   * Asks for what there is: the assigned port and address as suggestion (RFC 6887 §11.2.1). What is lost may come back
   * under any address: the server may have another one by now.
   */
  async #ask(patience: Patience, failed: (outcome: NotGranted) => void): Promise<void> {
    this.#turn += 1;
    const turn = this.#turn;
    const { assignedPort, assignedAddress, server } = this.#granted;
    const suggestedAddress = this.#state === 'lost' ? this.#request.suggestedAddress : assignedAddress;
    const nonce = this.#nonceFor(this.#around.service.currentServer() ?? server);
    const request = { ...this.#request, nonce, suggestedPort: assignedPort, suggestedAddress };
    const outcome = await this.#around.service.map(request, patience);
    if (turn !== this.#turn) return;
    if (outcome.kind !== 'granted') failed(outcome);
    else {
      this.#take(outcome);
      this.#planFirstRenewal();
    }
  }

  #take(granted: Granted): void {
    const before = this.#granted;
    const wasLost = this.#state === 'lost';
    this.#granted = granted;
    this.#grantedAt = this.#now();
    this.#state = 'mapped';
    this.#retry = FIRST_RETRY;
    const isSame =
      before.assignedPort === granted.assignedPort && before.assignedAddress.equals(granted.assignedAddress);
    if (wasLost || !isSame) this.#listener.changed();
  }

  #lose(why: NotGranted): void {
    const wasLost = this.#state === 'lost';
    this.#state = 'lost';
    this.#at(after(this.#now(), this.#retry), () => {
      const patience: Patience = { kind: 'answer within', budget: RETRY_PATIENCE };
      void this.#ask(patience, (outcome) => this.#lose(outcome));
    });
    this.#retry = shorter(scale(this.#retry, 2), LONGEST_RETRY);
    if (!wasLost) this.#listener.lost(why);
  }

  #nonceFor(server: ServerId): MappingNonce {
    const known = this.#nonces.get(server);
    if (known !== undefined) return known;
    const nonce = nonceFromBytes(this.#around.random.bytes(NONCE_BYTES));
    this.#nonces.set(server, nonce);
    return nonce;
  }

  #at(at: Instant, work: () => void): void {
    this.#cancelWake();
    this.#cancelWake = this.#around.clock.wakeAt(at, work);
  }

  #now(): Instant {
    return this.#around.clock.now();
  }
}
