// The contact with one server: is it there, at which of its addresses (RFC 7488 §3), in which protocol (RFC 6887 §9), and has
// it kept its table (§8.5)? It checks what arrives in the order of RFC 6887 §8.3. It knows nothing of mappings: what concerns
// them is a step for its owner.

import type { Endpoint, IpAddress } from '../../base/ip-address.ts';
import { earliestWake, type Wake } from '../../base/machine.ts';
import { after, between, type Instant } from '../../base/time.ts';
import { PCP_VERSION } from '../wire/common-header.ts';
import type { AddressChoice, ServerAddress } from './address-order.ts';
import { type ClientOutput, type DatagramIgnoredBecause, NOTHING } from './client-output.ts';
import { type AliveReply, type Dialect, type MapReply, PCP_DIALECT, type Reply } from './dialect.ts';
import { type EpochTrust, EpochWatch, LossReports } from './epoch.ts';
import { type Health, Liveness } from './liveness.ts';
import type { ServerId } from './map-outcome.ts';
import type { Line } from './request-sender.ts';
import { ADDRESS_MISMATCH, holdOf, type ResultCode, UNSUPP_VERSION } from './result-code.ts';
import type { ServerCounters } from './server-view.ts';
import { type VersionStep, Versions } from './versions.ts';

/** How a datagram came in: on the socket we talk to the server with, or to the multicast group. */
export type Via = 'unicast' | 'multicast';

/** What follows for the mappings and the requests about them, in this order. */
export type ContactStep =
  | ClientOutput
  /** It answers a request of ours, or a mapping, or nothing. */
  | { readonly kind: 'map reply'; readonly reply: MapReply; readonly from: Endpoint }
  | { readonly kind: 'external address'; readonly address: IpAddress }
  /** The server gave a sign of life. `isAnswered`: it settles the question that is open, if any. */
  | { readonly kind: 'alive'; readonly isAnswered: boolean }
  | { readonly kind: 'heard' }
  /** Another address, or the server is back: everything is sent again. */
  | { readonly kind: 'line up' }
  | { readonly kind: 'line down' }
  | { readonly kind: 'other protocol' }
  | { readonly kind: 'repeat requests soon' }
  | { readonly kind: 'everything refused'; readonly code: ResultCode; readonly lifetimeSeconds: number }
  /** What was learned about the server may not be true any more. */
  | { readonly kind: 'forget' }
  /** It may be time to ask whether the server is there. */
  | { readonly kind: 'probe' };

type Steps = readonly ContactStep[];

const PROBE: ContactStep = { kind: 'probe' };
const OTHER_PROTOCOL: ContactStep = { kind: 'other protocol' };

// | standing   | event                                                              | becomes               |
// |------------|--------------------------------------------------------------------|-----------------------|
// | in service | no version in common, ADDRESS_MISMATCH, UNSUPP_OPCODE              | refusing              |
// | refusing   | its time is over                                                   | in service, and asked |
// | refusing   | it lost its state, speaks PCP again, or we have another address    | in service            |
// | refusing   | for its version only: an answer under a nonce                      | in service            |
// Beside it, `Liveness` says whether the server is there, and `Versions` what it speaks.
type Standing =
  | { readonly kind: 'in service' }
  /** It refuses every request, whatever it asks. */
  | { readonly kind: 'refusing'; readonly until: Instant; readonly isForVersion: boolean };

const IN_SERVICE: Standing = { kind: 'in service' };

export class ServerContact {
  readonly #id: ServerId;
  readonly #counters: ServerCounters;
  readonly #unit: () => number;
  readonly #liveness: Liveness;
  readonly #epoch = new EpochWatch();
  readonly #losses = new LossReports();
  readonly #versions: Versions;
  #standing: Standing = IN_SERVICE;

  /** `mayFallBack`: to NAT-PMP. `unit` draws from [0, 1). */
  constructor(
    id: ServerId,
    addresses: readonly ServerAddress[],
    mayFallBack: boolean,
    counters: ServerCounters,
    unit: () => number,
  ) {
    this.#id = id;
    this.#counters = counters;
    this.#unit = unit;
    this.#liveness = new Liveness(addresses);
    this.#versions = new Versions(mayFallBack, unit);
  }

  get choice(): AddressChoice {
    return this.#liveness.choice;
  }

  get health(): Health {
    return this.#standing.kind === 'refusing' ? 'down' : this.#liveness.health;
  }

  get dialect(): Dialect {
    return this.#versions.dialect;
  }

  /** A question is out whose answer may come at any moment. */
  isSeeking(now: Instant): boolean {
    return this.#liveness.wasJustAsked(now);
  }

  line(now: Instant): Line {
    const { health, heardAt } = this.#liveness;
    const canBeDemanded = this.#liveness.canBeDemanded(now);
    return { address: this.choice.active, dialect: this.dialect, health, heardAt, canBeDemanded };
  }

  view() {
    const { health } = this;
    return { health, protocol: this.dialect.name, heardAt: this.#liveness.heardAt, epoch: this.#epoch.last };
  }

  /** `isWatched`: mappings or requests depend on the server. */
  nextWake(isWatched: boolean): Wake | undefined {
    const standing = this.#standing;
    return earliestWake([
      this.#liveness.nextWake(isWatched),
      this.#versions.nextWake(),
      this.#losses.nextWake(),
      standing.kind === 'refusing'
        ? { at: standing.until, why: 'the PCP server refused everything until then' }
        : undefined,
    ]);
  }

  handleTimeout(now: Instant): Steps {
    if (this.#standing.kind === 'refusing' && this.#standing.until <= now) {
      this.#standing = IN_SERVICE;
      this.#liveness.ask(now);
    }
    return [
      ...(this.#losses.takeDue(now) ? this.#lostState() : NOTHING),
      ...this.#versions.handleTimeout(now).flatMap((step) => this.#takeVersionStep(step, now)),
    ];
  }

  /** To be called until nothing follows any more. */
  handleProbe(isWatched: boolean, now: Instant): Steps {
    const { dialect } = this;
    const action = this.#liveness.due(now, isWatched, dialect.retransmission);
    if (action === 'nothing') return NOTHING;
    if (action === 'address failed') return this.handleSilence(now);
    this.#counters.sent('announce', false);
    this.#liveness.sent(now, dialect.retransmission, this.#unit());
    return [this.#transmit(dialect.encodeProbe(this.choice.active.source))];
  }

  handleSilence(now: Instant): Steps {
    return [{ kind: this.#liveness.handleSilence(now) }];
  }

  /** A reason to ask whether the server is there. */
  handleDoubt(now: Instant): void {
    this.#liveness.ask(now);
  }

  /** Somebody wants the server, which is down. */
  handleDemand(now: Instant): void {
    this.#liveness.demand(now);
  }

  handleEverythingRefused(until: Instant): void {
    this.#standing = { kind: 'refusing', until, isForVersion: this.#refusesVersion };
  }

  /** Other addresses, or others of our own to send from. */
  handleAddresses(addresses: readonly ServerAddress[], now: Instant): Steps {
    const sourceBefore = this.choice.active.source;
    this.#liveness.reset(addresses, now);
    if (this.#standing.kind === 'refusing') {
      const isOtherSource = !this.choice.active.source.equals(sourceBefore);
      this.#standing = isOtherSource ? IN_SERVICE : { ...this.#standing, isForVersion: false };
    }
    const step = this.#versions.handleMove(now);
    return step.kind === 'nothing' ? [{ kind: 'line up' }, PROBE] : [...this.#takeVersionStep(step, now), PROBE];
  }

  /**
   * An ICMP error came. RFC 7488 §3 moves on to the next address at once; but anybody can forge one (RFC 5927 §2). Where the
   * server has answered, it only makes us ask sooner, and the usual silence decides.
   */
  handleUnreachable(endpoint: Endpoint, now: Instant): Steps {
    if (!this.choice.isActive(endpoint)) return NOTHING;
    if (this.#liveness.health === 'down') return [{ kind: 'line down' }];
    if (!this.#liveness.hasAnswered) return [...this.handleSilence(now), PROBE];
    this.#liveness.doubt(now);
    return [{ kind: 'repeat requests soon' }, PROBE];
  }

  /** `isAsking`: a request of ours is under way. */
  handleDatagram(bytes: Uint8Array, from: Endpoint, via: Via, isAsking: boolean, now: Instant): Steps {
    if (!this.choice.includes(from)) return this.ignored('not from our server', from);
    // RFC 7488 §3: late answers of an address that was given up are not used.
    if (via === 'unicast' && !this.choice.isActive(from)) return this.ignored('server address not in use', from);
    const dialect = bytes[0] === PCP_VERSION ? PCP_DIALECT : this.dialect;
    const decoded = dialect.decode(bytes);
    if (decoded.kind === 'ignored') return this.ignored(decoded.why, from);
    const reply = decoded.message;
    if (reply.kind === 'map' && this.#versions.isProvedBy(reply)) return this.#proofAnswered(reply, now);
    if (dialect !== this.dialect) return this.#pcpWhileNatPmp(reply, from, now);
    if (via === 'multicast') return this.#announced(reply, from, now);
    return this.#received(reply, from, isAsking, now);
  }

  /** An answer under a nonce of ours came: the server itself wrote it. */
  handleProved(now: Instant): Steps {
    const step = this.#versions.handleProof();
    const forgotten = this.#refusesVersion ? this.#forget() : NOTHING;
    return [...forgotten, ...this.#takeVersionStep(step, now)];
  }

  handleEpoch(epoch: number, trust: EpochTrust, now: Instant): Steps {
    switch (this.#epoch.judge(this.dialect.isEpochPlausible, epoch, now, trust)) {
      case 'plausible':
        return NOTHING;
      case 'suspect':
        if (!this.#versions.isNatPmp) return this.#takeVersionStep(this.#versions.askForProof(now), now);
        this.#liveness.ask(now);
        return NOTHING;
      case 'lost':
        return this.#lostState();
      case 'out of step':
        return this.#losses.note(now) ? this.#lostState() : NOTHING;
    }
  }

  handleAlive(isAnswered: boolean, now: Instant): Steps {
    const wasDown = this.#liveness.health === 'down';
    this.#liveness.heard(now, this.#unit(), isAnswered);
    return wasDown ? [{ kind: 'line up' }, { kind: 'heard' }, PROBE] : [{ kind: 'heard' }, PROBE];
  }

  /** The sign of life in an answer. In NAT-PMP, a suspicion about the clock stays open until the server was asked. */
  signOfLife(): ContactStep {
    return { kind: 'alive', isAnswered: !this.#versions.isNatPmp || !this.#epoch.isSuspected };
  }

  ignored(why: DatagramIgnoredBecause, from: Endpoint): Steps {
    this.#counters.ignored(why);
    return [{ kind: 'ignored', why, from }];
  }

  #received(reply: Reply, from: Endpoint, isAsking: boolean, now: Instant): Steps {
    switch (reply.kind) {
      case 'alive':
        return this.#aliveReply(reply, from, now);
      case 'map':
        return [{ kind: 'map reply', reply, from }];
      case 'version refused':
        // Anybody can write these eight octets: they count only while something of ours is unanswered.
        return isAsking || this.#liveness.isAsking() || this.#versions.isAskingForProof
          ? this.#takeVersionStep(this.#versions.handleRefusal(reply, now), now)
          : this.ignored('unasked version refusal', from);
      default:
        return this.ignored('no match', from);
    }
  }

  /** The question under a nonce was answered: whatever it says, the server said it. */
  #proofAnswered(reply: MapReply, now: Instant): Steps {
    const { code, lifetimeSeconds, epoch } = reply;
    this.#versions.endQuestion(now);
    this.#counters.answered(code, now);
    const proved = [...this.handleProved(now), ...this.handleEpoch(epoch, 'confirmation', now)];
    if (code !== ADDRESS_MISMATCH) return [...proved, this.signOfLife()];
    this.handleEverythingRefused(after(now, holdOf(code, lifetimeSeconds)));
    return [...proved, { kind: 'everything refused', code, lifetimeSeconds }, this.signOfLife()];
  }

  #aliveReply(reply: AliveReply, from: Endpoint, now: Instant): Steps {
    if (!this.#liveness.isAsking()) return this.#announced(reply, from, now);
    const askedAt = this.#liveness.askedOnceAt();
    if (askedAt !== undefined) this.#counters.tookRoundTrip(between(askedAt, now));
    this.#liveness.noteAnswered();
    this.#counters.answered(reply.code, now);
    const { externalAddress: address } = reply;
    const lost = this.handleEpoch(reply.epoch, this.#versions.isNatPmp ? 'confirmation' : 'unasked', now);
    const isInDoubt = reply.code === ADDRESS_MISMATCH || this.#refusesVersion;
    const asked = isInDoubt ? this.#takeVersionStep(this.#versions.askForProof(now), now) : NOTHING;
    const moved: Steps = address === undefined ? NOTHING : [{ kind: 'external address', address }];
    return [...lost, ...asked, ...moved, this.signOfLife()];
  }

  /** RFC 6887 §14.1.3, RFC 6886 §3.2.1: the server says it started. We ask it before we believe that. */
  #announced(reply: Reply, from: Endpoint, now: Instant): Steps {
    if (reply.kind !== 'alive' || reply.code !== 0) return this.ignored('no match', from);
    const steps = this.handleEpoch(reply.epoch, 'unasked', now);
    if (this.#liveness.health !== 'up') this.#liveness.ask(now);
    return [...steps, PROBE];
  }

  #pcpWhileNatPmp(reply: Reply, from: Endpoint, now: Instant): Steps {
    const isSign = reply.kind === 'alive' || (reply.kind === 'version refused' && reply.version === PCP_VERSION);
    if (!isSign) return this.ignored('no match', from);
    return this.#takeVersionStep(this.#versions.handlePcpSign(now), now);
  }

  #takeVersionStep(step: VersionStep, now: Instant): Steps {
    const server = this.#id;
    switch (step.kind) {
      case 'nothing':
        return NOTHING;
      case 'repeat requests soon':
        return [step];
      case 'send proof':
        // Counted with the other questions whether the server is there: no mapping is released.
        this.#counters.sent('announce', step.isRepeated);
        return [this.#transmit(PCP_DIALECT.encodeRelease(step.key, this.choice.active.source))];
      case 'speak PCP':
        this.#epoch.forget();
        // What was mapped by the other protocol has no nonce and no options: it is made anew.
        return [{ kind: 'protocol changed', server, protocol: 'PCP' }, ...this.#lostState(), OTHER_PROTOCOL];
      case 'speak NAT-PMP':
        this.#epoch.forget();
        this.#liveness.restart(now);
        // The external address first: grants do not carry it.
        return [{ kind: 'protocol changed', server, protocol: 'NAT-PMP' }, PROBE, OTHER_PROTOCOL];
      case 'no version in common': {
        // Known already. A packet for each such refusal would draw the next one, and so on without end.
        if (this.#refusesVersion) return [{ kind: 'alive', isAnswered: true }];
        const { version, lifetimeSeconds } = step.reply;
        // RFC 6887 §9: again after min(30 min, lifetime).
        const hold = holdOf(UNSUPP_VERSION, lifetimeSeconds);
        this.#standing = { kind: 'refusing', until: after(now, hold), isForVersion: true };
        const refused = { kind: 'everything refused', code: UNSUPP_VERSION, lifetimeSeconds } as const;
        const unusable = { kind: 'version unusable', server, version, hold } as const;
        return [refused, unusable, OTHER_PROTOCOL, { kind: 'alive', isAnswered: true }];
      }
    }
  }

  get #refusesVersion(): boolean {
    return this.#standing.kind === 'refusing' && this.#standing.isForVersion;
  }

  #lostState(): Steps {
    return [...this.#forget(), { kind: 'server lost state', server: this.#id }];
  }

  #forget(): Steps {
    this.#standing = IN_SERVICE;
    return [{ kind: 'forget' }];
  }

  #transmit(bytes: Uint8Array): ClientOutput {
    return { kind: 'transmit', to: this.choice.active.endpoint, bytes };
  }
}
