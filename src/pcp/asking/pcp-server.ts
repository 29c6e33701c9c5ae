// One PCP server, whatever number of addresses it has: one machine made of two that do not know each other. The contact says
// whether the server is there, in which protocol, and whether it kept its table; the requester asks it for mappings. Both
// answer with steps, which are taken here.

import type { Endpoint, IpAddress } from '../../base/ip-address.ts';
import { earliestWake, type Machine, type Wake } from '../../base/machine.ts';
import type { Instant } from '../../base/time.ts';
import type { ServerAddress } from './address-order.ts';
import { type ClientOutput, NOTHING, type Outputs } from './client-output.ts';
import type { ClientSettings } from './client-settings.ts';
import type { MapReply } from './dialect.ts';
import type { MapTask, ReleaseTask } from './exchange.ts';
import type { Health } from './liveness.ts';
import type { ServerId, Unanswered } from './map-outcome.ts';
import type { MapKey, MapRequest } from './map-request.ts';
import { MappingRequester, type RequestStep } from './mapping-requester.ts';
import type { Line } from './request-sender.ts';
import { type ContactStep, ServerContact, type Via } from './server-contact.ts';
import { ServerCounters, type ServerView, viewOf } from './server-view.ts';

// The server as it is seen from outside (`health`), put together from the tables in `server-contact` and `liveness`:
// | state   | event                                       | becomes | and                                               |
// |---------|---------------------------------------------|---------|---------------------------------------------------|
// | unknown | heard                                       | up      | what is owed is released                          |
// | unknown | silent at all addresses                     | down    | requests somebody waits for are given up          |
// | up      | silent at all addresses, refuses everything | down    | the same; mappings are kept                       |
// | down    | heard, or its refusal is over               | up      | patient requests are sent again, then what is owed |
// | any     | other addresses                             | unknown | all requests are sent again                       |
export class PcpServer implements Machine<ClientOutput> {
  readonly id: ServerId;
  readonly #counters = new ServerCounters();
  readonly #contact: ServerContact;
  readonly #requester: MappingRequester;

  /** `unit` draws from [0, 1). */
  constructor(id: ServerId, addresses: readonly ServerAddress[], settings: ClientSettings, unit: () => number) {
    this.id = id;
    this.#contact = new ServerContact(id, addresses, settings.natPmp, this.#counters, unit);
    this.#requester = new MappingRequester(id, settings, this.#counters, unit);
  }

  get health(): Health {
    return this.#contact.health;
  }

  get source(): IpAddress {
    return this.#contact.choice.active.source;
  }

  get canNameThirdParty(): boolean {
    return this.#contact.dialect.canNameThirdParty;
  }

  canFilter(now: Instant): boolean {
    return this.#requester.canFilter(this.#contact.dialect, now);
  }

  hasAddress(endpoint: Endpoint): boolean {
    return this.#contact.choice.includes(endpoint);
  }

  hasAddresses(addresses: readonly ServerAddress[]): boolean {
    return this.#contact.choice.equals(addresses);
  }

  holds(key: MapKey): boolean {
    return this.#requester.holds(this.#asSeenFromHere(key));
  }

  /** A question is out whose answer may come at any moment. */
  isSeeking(now: Instant): boolean {
    return this.#contact.isSeeking(now);
  }

  view(now: Instant): ServerView {
    const { dialect } = this.#contact;
    const seen = { id: this.id, ...this.#contact.view(), ...this.#requester.view(dialect, now) };
    return viewOf(this.#contact.choice, this.#counters, seen);
  }

  /** The first sign of life shows version, clock and whether anybody is there, before a control point asks. */
  start(now: Instant): Outputs {
    this.#contact.handleDoubt(now);
    return this.#probe(now);
  }

  handleMap(task: MapTask, now: Instant): Outputs {
    const seen = { ...task, request: this.#asSeenFromHere(task.request) };
    return [...this.#take(this.#requester.handleMap(seen, this.#line(now), now), now), ...this.#probe(now)];
  }

  handleRelease(task: ReleaseTask, now: Instant): Outputs {
    const seen = { ...task, key: this.#asSeenFromHere(task.key) };
    return this.#take(this.#requester.handleRelease(seen, this.#line(now), now), now);
  }

  handleCancel(id: number, why: Unanswered['why'], now: Instant): Outputs {
    return [...this.#take(this.#requester.handleCancel(id, why, this.#line(now), now), now), ...this.#probe(now)];
  }

  /** Somebody wants the server, which is down. */
  handleDemand(now: Instant): Outputs {
    this.#contact.handleDemand(now);
    return this.#probe(now);
  }

  /** Another server has the mapping now. */
  handleMovedAway(base: string, now: Instant): Outputs {
    return this.#take(this.#requester.handleMovedAway(base, this.#line(now), now), now);
  }

  /** Other addresses, or others of our own to send from. */
  handleAddresses(addresses: readonly ServerAddress[], now: Instant): Outputs {
    const before = this.#line(now);
    const steps = this.#contact.handleAddresses(addresses, now);
    const isOtherSource = !this.source.equals(before.address.source);
    const leftBehind = isOtherSource ? this.#requester.handleOtherSource(before) : NOTHING;
    return [...this.#take(leftBehind, now), ...this.#take(steps, now)];
  }

  handleDatagram(bytes: Uint8Array, from: Endpoint, via: Via, now: Instant): Outputs {
    return this.#take(this.#contact.handleDatagram(bytes, from, via, this.#requester.isAsking, now), now);
  }

  /** An ICMP error came. */
  handleUnreachable(endpoint: Endpoint, now: Instant): Outputs {
    return this.#take(this.#contact.handleUnreachable(endpoint, now), now);
  }

  nextWake(): Wake | undefined {
    return earliestWake([this.#requester.nextWake(), this.#contact.nextWake(this.#requester.isWatched)]);
  }

  handleTimeout(now: Instant): Outputs {
    const requested = this.#take(this.#requester.handleTimeout(this.#line(now), now), now);
    return [...requested, ...this.#take(this.#contact.handleTimeout(now), now), ...this.#probe(now)];
  }

  close(why: Unanswered['why'], now: Instant): Outputs {
    const outputs = this.#take(this.#requester.close(why, this.#line(now), now), now);
    return outputs.filter(({ kind }) => kind !== 'transmit');
  }

  /** After `close`: mappings the server may have that nobody wants. */
  takeUnreleased(now: Instant): readonly MapKey[] {
    return this.#requester.takeUnreleased(now);
  }

  /** As soon as the server is heard. */
  releaseLater(keys: readonly MapKey[], now: Instant): void {
    this.#requester.owe(keys, now);
  }

  #take(steps: readonly (ContactStep | RequestStep)[], now: Instant): Outputs {
    return steps.flatMap((step) => this.#takeOne(step, now));
  }

  #takeOne(step: ContactStep | RequestStep, now: Instant): Outputs {
    const contact = this.#contact;
    const requester = this.#requester;
    switch (step.kind) {
      // From the contact to the requester:
      case 'map reply':
        return this.#mapReply(step.reply, step.from, now);
      case 'external address':
        return this.#take(requester.handleExternalAddress(step.address, now), now);
      case 'heard':
        return this.#take(requester.handleHeard(this.#line(now), now), now);
      case 'line up':
        return this.#take(requester.handleLineUp(this.#line(now), now), now);
      case 'line down':
        return this.#take(requester.handleLineDown(this.#line(now), now), now);
      case 'other protocol':
        return this.#take(requester.handleOtherProtocol(this.#line(now), now), now);
      case 'repeat requests soon':
        requester.handleDoubt(this.#line(now), now);
        return NOTHING;
      case 'everything refused':
        requester.noteEverythingRefused(step.code, step.lifetimeSeconds, now);
        return NOTHING;
      case 'forget':
        requester.forgetKnowledge();
        return NOTHING;
      // From the requester to the contact:
      case 'address silent':
        return this.#take(contact.handleSilence(now), now);
      case 'server wanted':
        contact.handleDemand(now);
        return NOTHING;
      case 'server doubted':
        contact.handleDoubt(now);
        return NOTHING;
      case 'server refuses everything':
        contact.handleEverythingRefused(step.until);
        return NOTHING;
      // To the contact itself, after the steps before it were taken:
      case 'alive':
        return this.#take(contact.handleAlive(step.isAnswered, now), now);
      case 'probe':
        return this.#probe(now);
      default:
        return [step];
    }
  }

  #mapReply(reply: MapReply, from: Endpoint, now: Instant): Outputs {
    const match = this.#requester.match(reply, now);
    // Nothing in it shows that the server wrote it: no sign of life.
    if (match === undefined) return this.#take(this.#contact.ignored('no match', from), now);
    const proved = reply.nonce === undefined ? NOTHING : this.#take(this.#contact.handleProved(now), now);
    if (match.kind === 'copy') {
      return [...proved, ...this.#take(this.#contact.ignored('copy', from), now), ...this.#signOfLife(now)];
    }
    // RFC 6887 §8.5: only what matched may speak about the epoch.
    const lost = this.#take(this.#contact.handleEpoch(reply.epoch, 'answer', now), now);
    const taken = this.#take(this.#requester.handleReply(match, reply, this.#line(now), now), now);
    return [...proved, ...lost, ...taken, ...this.#signOfLife(now)];
  }

  #signOfLife(now: Instant): Outputs {
    return this.#takeOne(this.#contact.signOfLife(), now);
  }

  #probe(now: Instant): Outputs {
    const outputs: ClientOutput[] = [];
    for (;;) {
      const steps = this.#contact.handleProbe(this.#requester.isWatched, now);
      if (steps.length === 0) return outputs;
      outputs.push(...this.#take(steps, now));
    }
  }

  #line(now: Instant): Line {
    return this.#contact.line(now);
  }

  /** RFC 6887 §13.1: a third party that is the sender itself is none. */
  #asSeenFromHere<Key extends MapKey | MapRequest>(key: Key): Key {
    return key.thirdParty?.equals(this.source) ? { ...key, thirdParty: undefined } : key;
  }
}
