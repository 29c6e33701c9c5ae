// Everything said to and heard from one PCP server, whatever number of addresses it has: checks on what arrives in the
// order of RFC 6887 §8.3, its clock (§8.5), its version (§9), which address is used (RFC 7488). No timer, no socket.

import type { Endpoint } from '../../base/ip-address.ts';
import { earliestWake, type Machine, type Wake } from '../../base/machine.ts';
import { between, type Instant } from '../../base/time.ts';
import { PCP_VERSION } from '../wire/common-header.ts';
import { AddressChoice, type ServerAddress } from './address-order.ts';
import { Answers } from './answers.ts';
import type { ClientOutput, DatagramIgnoredBecause } from './client-output.ts';
import type { ClientSettings } from './client-settings.ts';
import type { AliveReply, MapReply, Reply } from './dialect.ts';
import { PCP_DIALECT } from './dialect.ts';
import { type EpochTrust, EpochWatch, LossReports } from './epoch.ts';
import type { Task } from './exchange.ts';
import { type Health, Liveness } from './liveness.ts';
import type { ServerId, Unanswered } from './map-outcome.ts';
import type { MapKey, MapRequest } from './map-request.ts';
import { Presence } from './presence.ts';
import { Proof } from './proof.ts';
import { Requests } from './requests.ts';
import { ADDRESS_MISMATCH } from './result-code.ts';
import { NOTHING, type Outputs, type ServerContext } from './server-context.ts';
import { ServerKnowledge } from './server-knowledge.ts';
import { ServerCounters, type ServerView, viewOf } from './server-view.ts';
import { Versions } from './versions.ts';

/** How a datagram came in: on the socket we talk to the server with, or to the multicast group. */
export type Via = 'unicast' | 'multicast';

export class Conversation implements Machine<ClientOutput> {
  readonly #context: ServerContext;
  readonly #requests: Requests;
  readonly #answers: Answers;
  readonly #presence: Presence;
  readonly #epoch = new EpochWatch();
  readonly #losses = new LossReports();
  readonly #proof: Proof;
  readonly #versions: Versions;

  constructor(id: ServerId, addresses: readonly ServerAddress[], settings: ClientSettings, unit: () => number) {
    this.#context = {
      id,
      choice: new AddressChoice(addresses),
      liveness: new Liveness(),
      knowledge: new ServerKnowledge(settings.emulatePreferFailure),
      counters: new ServerCounters(),
      unit,
    };
    this.#requests = new Requests(this.#context, settings.pacing);
    this.#answers = new Answers(this.#context, this.#requests);
    this.#presence = new Presence(this.#context, this.#requests);
    this.#proof = new Proof(this.#context);
    this.#versions = new Versions(
      this.#context,
      this.#requests,
      this.#presence,
      this.#proof,
      this.#epoch,
      settings.natPmp,
    );
  }

  get id(): ServerId {
    return this.#context.id;
  }

  get addresses(): AddressChoice {
    return this.#context.choice;
  }

  get health(): Health {
    const { knowledge, liveness } = this.#context;
    return knowledge.unusableUntil === undefined ? liveness.health : 'down';
  }

  get dialect(): ServerKnowledge['dialect'] {
    return this.#context.knowledge.dialect;
  }

  canFilter(now: Instant): boolean {
    return this.#context.knowledge.canFilter(now);
  }

  seek(now: Instant): Outputs {
    this.#context.liveness.demand(now);
    return this.#presence.probeIfDue(now);
  }

  isSeeking(now: Instant): boolean {
    return this.#context.liveness.wasJustAsked(now);
  }

  /** First sign of life wanted: shows version, clock and whether anybody is there before a control point asks. */
  start(now: Instant): Outputs {
    this.#context.liveness.ask(now);
    return this.#presence.probeIfDue(now);
  }

  map(task: Task & { readonly kind: 'map' }, now: Instant): Outputs {
    const outputs = this.#requests.map({ ...task, request: this.#asSeenFromHere(task.request) }, now);
    return [...outputs, ...this.#presence.probeIfDue(now)];
  }

  release(task: Task & { readonly kind: 'release' }, now: Instant): Outputs {
    return this.#requests.release({ ...task, key: this.#asSeenFromHere(task.key) }, now);
  }

  holds(key: MapKey): boolean {
    return this.#requests.held.get(this.#asSeenFromHere(key)) !== undefined;
  }

  /** Another server has the mapping now: ours is released, whatever nonce it was made with. */
  letGo(base: string, now: Instant): Outputs {
    const held = this.#requests.held.matching(base, undefined);
    return held === undefined ? NOTHING : this.#requests.withdraw(held.key, between(now, held.expiresAt), now);
  }

  cancel(id: number, why: Unanswered['why'], now: Instant): Outputs {
    return [...this.#requests.cancel(id, why, now), ...this.#presence.probeIfDue(now)];
  }

  close(why: Unanswered['why'], now: Instant): Outputs {
    return this.#requests.closeAll(why, now).filter(({ kind }) => kind !== 'transmit');
  }

  /** After `close`: mappings the server may have that nobody wants. */
  takeUnreleased(now: Instant): readonly MapKey[] {
    return this.#requests.takeUnreleased(now);
  }

  /** As soon as the server is heard. */
  releaseLater(keys: readonly MapKey[], now: Instant): void {
    for (const key of keys) this.#requests.rememberToWithdraw(key, now);
  }

  /** Other addresses, or others of our own to send from. */
  setAddresses(addresses: readonly ServerAddress[], now: Instant): Outputs {
    const context = this.#context;
    const previousSource = context.choice.active?.source;
    const leftBehind = this.#requests.perhapsMade();
    context.choice = new AddressChoice(addresses);
    const source = context.choice.active?.source;
    const isNewSource = previousSource?.text !== source?.text;
    // RFC 6887 §11.3: mappings belong to the internal address they were made from.
    if (isNewSource) {
      this.#requests.held.forgetOwn();
      // What was refused to the old address may be granted to the new one, ADDRESS_MISMATCH above all.
      context.knowledge.forget();
    }
    context.liveness.reset(now);
    this.#proof.end(now);
    this.#versions.moved();
    const resent = this.#versions.isNatPmp ? this.#versions.speakPcp(now) : this.#requests.sendAllAgain(now);
    return [...(isNewSource ? leftBehind : NOTHING), ...resent, ...this.#presence.probeIfDue(now)];
  }

  handleDatagram(bytes: Uint8Array, from: Endpoint, via: Via, now: Instant): Outputs {
    const { choice, knowledge } = this.#context;
    if (!choice.includes(from)) return this.#ignored('not from our server', from);
    // RFC 7488 §3: late answers of an address that was given up are not used.
    if (via === 'unicast' && !choice.isActive(from)) return this.#ignored('server address not in use', from);
    const dialect = bytes[0] === PCP_VERSION ? PCP_DIALECT : knowledge.dialect;
    const decoded = dialect.decode(bytes);
    if (decoded.kind === 'ignored') return this.#ignored(decoded.why, from);
    if (dialect !== knowledge.dialect) return this.#inPcp(decoded.message, from, now);
    if (via === 'multicast') return this.#announced(decoded.message, from, now);
    return this.#receive(decoded.message, from, now);
  }

  handleUnreachable(endpoint: Endpoint, now: Instant): Outputs {
    return this.#presence.unreachable(endpoint, now);
  }

  nextWake(): Wake | undefined {
    const { choice, knowledge } = this.#context;
    if (choice.active === undefined) return undefined;
    const request = this.#requests.nextAt();
    const unusable = knowledge.unusableUntil;
    const loss = this.#losses.dueAt();
    return earliestWake([
      request,
      this.#presence.nextWake(),
      this.#proof.nextWake(),
      this.#versions.nextWake(),
      loss === undefined ? undefined : { at: loss, why: 'report that the PCP server lost its mappings once more' },
      unusable === undefined ? undefined : { at: unusable, why: 'the PCP server refused everything until then' },
    ]);
  }

  handleTimeout(now: Instant): Outputs {
    const { knowledge, liveness } = this.#context;
    const outputs: ClientOutput[] = [];
    if (knowledge.unusableUntil !== undefined && knowledge.unusableUntil <= now) {
      knowledge.usableAgain();
      this.#versions.usableAgain();
      liveness.ask(now);
    }
    if (this.#losses.takeDue(now)) outputs.push(...this.#lostState());
    const due = this.#requests.due(now);
    outputs.push(...due.outputs);
    if (due.isAddressSilent) outputs.push(...this.#presence.addressFailed(now));
    const proof = this.#proof.due(now);
    outputs.push(...proof.outputs);
    if (proof.isUnanswered) outputs.push(...this.#versions.notProved(now));
    outputs.push(...this.#versions.due(now));
    outputs.push(...this.#presence.probeIfDue(now));
    return outputs;
  }

  view(now: Instant): ServerView {
    return viewOf(this.#context, this.#requests.counts, this.#epoch.last, this.health, now);
  }

  #receive(reply: Reply, from: Endpoint, now: Instant): Outputs {
    switch (reply.kind) {
      case 'alive':
        return this.#alive(reply, from, now);
      case 'map':
        return this.#mapAnswer(reply, from, now);
      case 'version refused': {
        const isAsking = this.#context.liveness.isAsking() || this.#proof.isAsked || this.#requests.open.size > 0;
        // Anybody can write these eight octets: heard only while something of ours is unanswered.
        return isAsking ? this.#versions.refused(reply, now) : this.#ignored('unasked version refusal', from);
      }
      default:
        return this.#ignored('no match', from);
    }
  }

  #mapAnswer(reply: MapReply, from: Endpoint, now: Instant): Outputs {
    if (this.#proof.isAnsweredBy(reply)) return this.#proved(reply, now);
    const match = this.#answers.match(reply, now);
    // Nothing in it shows that the server wrote it: no sign of life.
    if (match === undefined) return this.#ignored('no match', from);
    const proved = reply.nonce === undefined ? NOTHING : this.#versions.proved(now);
    if (match.kind === 'copy') return [...proved, ...this.#ignored('copy', from), ...this.#heard(now)];
    // RFC 6887 §8.5: only what matched may speak about the epoch.
    const lost = this.#judgeEpoch(reply.epoch, now, 'answer');
    const taken = this.#answers.take(match, reply, now);
    return [...proved, ...lost, ...taken, ...this.#heard(now)];
  }

  /** The question under a nonce was answered: whatever it says, the server said it. */
  #proved(reply: MapReply, now: Instant): Outputs {
    const { counters, knowledge } = this.#context;
    this.#proof.end(now);
    counters.answered(reply.code, now);
    const proved = this.#versions.proved(now);
    const lost = this.#judgeEpoch(reply.epoch, now, 'confirmation');
    if (reply.code === ADDRESS_MISMATCH) knowledge.noteUnusable(reply.code, reply.lifetimeSeconds, now);
    return [...proved, ...lost, ...this.#heard(now)];
  }

  #alive(reply: AliveReply, from: Endpoint, now: Instant): Outputs {
    const { liveness, counters } = this.#context;
    if (!liveness.isAsking()) return this.#announced(reply, from, now);
    const askedAt = liveness.askedOnceAt();
    if (askedAt !== undefined) counters.tookRoundTrip(between(askedAt, now));
    liveness.noteAnswered();
    counters.answered(reply.code, now);
    const lost = this.#judgeEpoch(reply.epoch, now, this.#versions.isNatPmp ? 'confirmation' : 'unasked');
    const isInDoubt = reply.code === ADDRESS_MISMATCH || this.#versions.isUnusable;
    const asked = isInDoubt ? this.#proof.ask(now) : NOTHING;
    return [...lost, ...asked, ...this.#answers.externalAddressIs(reply.externalAddress, now), ...this.#heard(now)];
  }

  /** RFC 6887 §14.1.3, RFC 6886 §3.2.1: the server says it started; believed only after asking it back. */
  #announced(reply: Reply, from: Endpoint, now: Instant): Outputs {
    if (reply.kind !== 'alive' || reply.code !== 0) return this.#ignored('no match', from);
    const { liveness } = this.#context;
    const outputs = this.#judgeEpoch(reply.epoch, now, 'unasked');
    if (liveness.health !== 'up') liveness.ask(now);
    return [...outputs, ...this.#presence.probeIfDue(now)];
  }

  /** While we speak NAT-PMP, something came in PCP's form. */
  #inPcp(reply: Reply, from: Endpoint, now: Instant): Outputs {
    if (reply.kind === 'map' && this.#proof.isAnsweredBy(reply)) return this.#proved(reply, now);
    const isSign = reply.kind === 'alive' || (reply.kind === 'version refused' && reply.version === PCP_VERSION);
    return isSign ? this.#versions.seenInPcp(now) : this.#ignored('no match', from);
  }

  #judgeEpoch(epoch: number, now: Instant, trust: EpochTrust): Outputs {
    const { knowledge, liveness } = this.#context;
    switch (this.#epoch.judge(knowledge.dialect.isEpochPlausible, epoch, now, trust)) {
      case 'plausible':
        return NOTHING;
      case 'suspect':
        if (!this.#versions.isNatPmp) return this.#proof.ask(now);
        liveness.ask(now);
        return NOTHING;
      case 'lost':
        return this.#lostState();
      case 'out of step':
        return this.#losses.note(now) ? this.#lostState() : NOTHING;
    }
  }

  #lostState(): Outputs {
    const { knowledge, id } = this.#context;
    knowledge.forget();
    return [{ kind: 'server lost state', server: id }];
  }

  /** In NAT-PMP, a suspicion about the clock stays open until the server was asked. */
  #heard(now: Instant): Outputs {
    return this.#presence.heard(now, !this.#versions.isNatPmp || !this.#epoch.isSuspected);
  }

  /** RFC 6887 §13.1: a third party that is the sender itself is none. */
  #asSeenFromHere<Key extends MapKey | MapRequest>(key: Key): Key {
    const source = this.#context.choice.active?.source;
    return source !== undefined && key.thirdParty?.equals(source) ? { ...key, thirdParty: undefined } : key;
  }

  #ignored(why: DatagramIgnoredBecause, from: Endpoint): Outputs {
    this.#context.counters.ignored(why);
    return [{ kind: 'ignored', why, from }];
  }
}
