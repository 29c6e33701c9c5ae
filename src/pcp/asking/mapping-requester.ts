// Asks one server for mappings and for their deletion: which request replaces which, when one is given up, and what is
// withdrawn then (RFC 6887 §8.1.1, §11.4, §15). It does not know whether the server is there or which protocol it speaks: the
// line says so, and a step tells the owner what concerns that. What an answer changes is decided by the server record.

import type { IpAddress } from '../../base/ip-address.ts';
import type { Wake } from '../../base/machine.ts';
import { after, between, type Duration, type Instant, milliseconds, minutes } from '../../base/time.ts';
import { believedLifetime } from './answer-judgement.ts';
import {
  type ClientOutput,
  type DatagramIgnoredBecause,
  NOTHING,
  released,
  settled,
  unanswered,
} from './client-output.ts';
import type { ClientSettings } from './client-settings.ts';
import type { Dialect, MapReply } from './dialect.ts';
import { Exchange, type MapTask, type ReleaseTask, restOf, taskKey } from './exchange.ts';
import { withdrawalOf } from './held-mappings.ts';
import type { ServerId, Unanswered } from './map-outcome.ts';
import type { MapKey, MapRequest } from './map-request.ts';
import { type Line, RequestSender } from './request-sender.ts';
import { ADDRESS_MISMATCH, NOT_AUTHORIZED, type ResultCode, UNSUPP_OPCODE } from './result-code.ts';
import { ServerRecord, type UnaskedReply } from './server-record.ts';
import type { ServerCounters } from './server-view.ts';

export type RequestStep =
  | ClientOutput
  /** RFC 7488 §3: one request used up its tries, and nothing at all was heard meanwhile. */
  | { readonly kind: 'address silent' }
  /** Somebody wants the server, which is down. */
  | { readonly kind: 'server wanted' }
  /** A request was given up, and nothing was heard since it was sent. */
  | { readonly kind: 'server doubted' }
  | { readonly kind: 'server refuses everything'; readonly until: Instant };

type Steps = readonly RequestStep[];

export type Match = { readonly kind: 'exchange'; readonly exchange: Exchange } | UnaskedReply;

/** Seven packets: it is rare that all are lost. If nothing at all was heard, the next sign of life starts over. */
const WITHDRAW_FOR = minutes(5);

export class MappingRequester {
  readonly #id: ServerId;
  readonly #counters: ServerCounters;
  readonly #sender: RequestSender;
  readonly #record: ServerRecord;

  constructor(id: ServerId, settings: ClientSettings, counters: ServerCounters, unit: () => number) {
    this.#id = id;
    this.#counters = counters;
    this.#sender = new RequestSender(counters, settings.pacing, unit);
    this.#record = new ServerRecord(id, settings.emulatePreferFailure);
  }

  /** Whether anything depends on the server being there. */
  get isWatched(): boolean {
    return this.#record.heldCount > 0 || this.isAsking;
  }

  get isAsking(): boolean {
    return this.#sender.size > 0;
  }

  holds(key: MapKey): boolean {
    return this.#record.isHeld(key);
  }

  canFilter(dialect: Dialect, now: Instant): boolean {
    return this.#record.canFilter(dialect, now);
  }

  view(dialect: Dialect, now: Instant) {
    const { queued, size } = this.#sender;
    return { queued, inFlight: size - queued, held: this.#record.heldCount, ...this.#record.view(dialect, now) };
  }

  nextWake(): Wake | undefined {
    return this.#sender.nextWake();
  }

  handleMap(task: MapTask, line: Line, now: Instant): Steps {
    const { id, request, patience } = task;
    const refusal = this.#record.refusalOf(request, line.dialect, now);
    if (refusal !== undefined) return [settled(id, refusal)];
    const previous = this.#sender.withKey(request);
    const isUrgent = patience.kind === 'answer within';
    // A request that somebody waits for renews the mapping just as well.
    if (previous?.task.kind === 'map' && previous.isUrgent && !isUrgent) {
      return [settled(id, unanswered('no answer in time'))];
    }
    const isTrial = line.health === 'down' && patience.kind !== 'keep trying';
    const wanted: Steps = isTrial ? [{ kind: 'server wanted' }] : NOTHING;
    // A server that was never heard may be one that answers nothing but MAP.
    if (isTrial && !(isUrgent && line.canBeDemanded && line.heardAt === undefined)) {
      return [...wanted, settled(id, unanswered('server known to be down'))];
    }
    const replacesRelease = previous?.task.kind === 'release' || this.#record.isOwed(request);
    const form = this.#record.formOf(request, line.dialect, now);
    const exchange = new Exchange(task, form, { isTrial, replacesRelease }, now);
    const replaced = this.#replaceOpen(request);
    const cleared = this.#record.takeBarring(request).flatMap((other) => this.#withdrawAgain(other, line, now));
    return [...wanted, ...replaced, ...cleared, ...this.#sender.start(exchange, line, now)];
  }

  handleRelease(task: ReleaseTask, line: Line, now: Instant): Steps {
    const { key, id } = task;
    const previous = this.#sender.withKey(key);
    // The answer to whoever wants the mapping now decides what becomes of an old debt.
    if (task.owedTo !== undefined && id !== undefined && this.#sender.isUnderWay(key, 'map')) {
      return [released(id, unanswered('no answer in time'))];
    }
    const isBehindMap = previous?.task.kind === 'map' || this.#record.wasRefusedLately(key, now);
    const form = { preferFailure: false, resetFilters: false };
    const exchange = new Exchange(task, form, { mayMeetLateGrant: id === undefined || isBehindMap }, now);
    this.#record.noteUnderWay(key);
    if (previous?.task.kind === 'release' && previous.task.id === undefined && previous.wasSentOnce) {
      // The server would answer a second packet too, and nothing tells that answer from one to the next MAP.
      this.#sender.end(previous);
      exchange.continueFrom(previous);
      this.#sender.add(exchange);
      return NOTHING;
    }
    return [...this.#replaceOpen(key), ...this.#sender.start(exchange, line, now)];
  }

  handleCancel(id: number, why: Unanswered['why'], line: Line, now: Instant): Steps {
    const exchange = this.#sender.withId(id);
    return exchange === undefined ? NOTHING : this.#giveUp(exchange, why, line, now);
  }

  /** Another server has the mapping now: ours is released, whatever nonce it was made with. */
  handleMovedAway(base: string, line: Line, now: Instant): Steps {
    const held = this.#record.heldUnder(base);
    return held === undefined ? NOTHING : this.#withdraw(held.key, between(now, held.expiresAt), line, now);
  }

  /** RFC 6887 §11.4: protocol, internal address and port, nonce; nothing else is compared. Undefined: nobody's. */
  match(reply: MapReply, now: Instant): Match | undefined {
    const exchange = this.#sender.answeredBy(reply);
    return exchange === undefined ? this.#record.recognise(reply, now) : { kind: 'exchange', exchange };
  }

  handleReply(match: Exclude<Match, { kind: 'copy' }>, reply: MapReply, line: Line, now: Instant): Steps {
    if (match.kind === 'update') return this.#record.handleUpdate(match, reply.lifetimeSeconds, now);
    if (match.kind === 'returned') return this.#withdraw(match.key, match.lifetime, line, now);
    const { exchange } = match;
    this.#counters.answered(reply.code, now);
    if (exchange.wasSentOnce && exchange.firstSentAt !== undefined) {
      this.#counters.tookRoundTrip(between(exchange.firstSentAt, now));
    }
    return exchange.task.kind === 'map'
      ? this.#mapAnswered(exchange, exchange.task, reply, line, now)
      : this.#releaseAnswered(exchange, exchange.task, reply, line, now);
  }

  handleExternalAddress(address: IpAddress, now: Instant): Steps {
    return this.#record.handleExternalAddress(address, now);
  }

  /** The server was heard: what it may have made although we gave it up is released. */
  handleHeard(line: Line, now: Instant): Steps {
    return this.#record.takeOwed(now).flatMap((key) => this.#withdrawAgain(key, line, now));
  }

  /** Another address, or the server is back. */
  handleLineUp(line: Line, now: Instant): Steps {
    return this.#sender.sendAllAgain(line, now);
  }

  /** RFC 6970 §5.1: a control point hears at once that the server cannot be reached. */
  handleLineDown(line: Line, now: Instant): Steps {
    return this.#sender.all().flatMap((exchange) => {
      if (!exchange.isPatient) return this.#giveUp(exchange, 'server known to be down', line, now);
      this.#sender.pause(exchange);
      return NOTHING;
    });
  }

  /** A sign, which may be forged, that the server will not answer what was sent. */
  handleDoubt(line: Line, now: Instant): void {
    this.#sender.hurry(line, now);
  }

  /** Each request is judged anew in the protocol that the server turned out to speak. */
  handleOtherProtocol(line: Line, now: Instant): Steps {
    const waiting = this.#sender.all();
    this.#sender.changePace(line);
    return waiting.flatMap((exchange) => {
      const { task } = exchange;
      if (task.kind === 'release') return this.#sender.sendAgain(exchange, line, now);
      this.#sender.end(exchange);
      return this.handleMap({ ...task, patience: restOf(task.patience, exchange.deadline, now) }, line, now);
    });
  }

  /** `line`: with the address of ours that we leave. Nobody will hear the answers to what was asked from there. */
  handleOtherSource(line: Line): Steps {
    this.#record.forgetOwn();
    const own = this.#sender.all().filter(({ task }) => taskKey(task).thirdParty === undefined);
    return own.flatMap((exchange) => this.#perhapsMadeBy(exchange, line));
  }

  handleTimeout(line: Line, now: Instant): Steps {
    this.#record.forgetExpired(now);
    const steps: RequestStep[] = [];
    for (let next = this.#sender.firstDue(now); next !== undefined; next = this.#sender.firstDue(now)) {
      const wasLastTry = next.attempts >= line.dialect.retransmission.tries;
      if (next.deadline <= now) steps.push(...this.#giveUp(next, 'no answer in time', line, now));
      else if (wasLastTry && next.isUnheard(line.heardAt)) return [...steps, { kind: 'address silent' }];
      else steps.push(...this.#sender.send(next, line, now));
    }
    return [...steps, ...this.#sender.pump(line, now)];
  }

  forgetKnowledge(): void {
    this.#record.forgetKnowledge();
  }

  noteEverythingRefused(code: ResultCode, lifetimeSeconds: number, now: Instant): Duration {
    return this.#record.noteEverythingRefused(code, lifetimeSeconds, now);
  }

  /** To be released when the server is heard. */
  owe(keys: readonly MapKey[], now: Instant): void {
    for (const key of keys) this.#record.owe(key, now);
  }

  /** Also tells what was asked for a wanted mapping: whoever goes on may do so from another address (RFC 6887 §11.3). */
  close(why: Unanswered['why'], line: Line, now: Instant): Steps {
    return this.#sender.all().flatMap((exchange) => {
      const steps = this.#giveUp(exchange, why, line, now);
      const isTold = steps.some(({ kind }) => kind === 'withdrawal');
      return isTold ? steps : [...this.#perhapsMadeBy(exchange, line), ...steps];
    });
  }

  /** After `close`: what is still to be released, for whoever goes on with this server. */
  takeUnreleased(now: Instant): readonly MapKey[] {
    const underWay = this.#sender.all().flatMap(({ task }) => (task.kind === 'release' ? [task.key] : []));
    return [...this.#record.takeOwed(now), ...underWay];
  }

  #mapAnswered(exchange: Exchange, task: MapTask, reply: MapReply, line: Line, now: Instant): Steps {
    // RFC 6887 §11.3: the mapping in the way may be one of ours that is being released right now.
    const isBarred = reply.code === NOT_AUTHORIZED && this.#sender.isUnderWay(task.request, 'release');
    if (isBarred) return this.#ignored('copy', line);
    const ending = this.#record.handleMapAnswer(exchange, task, reply, line.address.source, now);
    switch (ending.kind) {
      case 'not yet':
        return this.#ignored(ending.why, line);
      case 'ask again':
        return [...ending.news, ...this.#sender.sendAgain(exchange, line, now, ending.form)];
      case 'conflict':
        return this.#conflict(exchange, task, line, now);
      case 'granted':
        this.#sender.end(exchange);
        return [...ending.news, settled(task.id, ending.outcome), ...this.#sender.pump(line, now)];
      case 'refused': {
        this.#sender.end(exchange);
        const { code, hold } = ending.outcome;
        const isForAll = code === ADDRESS_MISMATCH || code === UNSUPP_OPCODE;
        const notice: Steps = isForAll ? [{ kind: 'server refuses everything', until: after(now, hold) }] : NOTHING;
        const owed = ending.mayBeThere ? this.#withdrawLater(task.request, line, now) : NOTHING;
        const ended = settled(task.id, ending.outcome);
        return [...notice, ...ending.news, ...owed, ended, ...this.#sender.pump(line, now)];
      }
    }
  }

  #releaseAnswered(exchange: Exchange, task: ReleaseTask, reply: MapReply, line: Line, now: Instant): Steps {
    const ending = this.#record.handleReleaseAnswer(exchange, task, reply, now);
    if (ending.kind === 'not yet') return this.#ignored(ending.why, line);
    this.#sender.end(exchange);
    const { id, key } = task;
    const answered = this.#withdrawal('answered', key, milliseconds(0), line);
    return [id === undefined ? answered : released(id, ending.outcome), ...this.#sender.pump(line, now)];
  }

  #giveUp(exchange: Exchange, why: Unanswered['why'], line: Line, now: Instant): Steps {
    const { task } = exchange;
    if (task.kind === 'map' && exchange.hasWrongPort) return this.#conflict(exchange, task, line, now);
    const wasSilent = exchange.isUnheard(line.heardAt);
    this.#sender.end(exchange);
    this.#counters.gaveUp();
    const doubt: Steps =
      wasSilent && line.health !== 'down' && why !== 'closed' ? [{ kind: 'server doubted' }] : NOTHING;
    if (task.kind === 'release') {
      if (task.id !== undefined) return [...doubt, released(task.id, unanswered(why))];
      if (wasSilent || why === 'no server') this.#record.owe(task.key, now);
      return doubt;
    }
    const { request } = task;
    const ended = [...doubt, settled(task.id, unanswered(why))];
    // The request may have made a mapping all the same. If we hold it, it is wanted.
    if (!exchange.isUrgent || exchange.attempts === 0 || this.#record.isHeld(request)) return ended;
    if (wasSilent) return [...ended, ...this.#withdrawLater(request, line, now)];
    return [...ended, ...this.#withdraw(request, believedLifetime(request.lifetimeSeconds), line, now)];
  }

  /** The server made a mapping with another port than the only acceptable one: we release it and refuse the request. */
  #conflict(exchange: Exchange, { id, request }: MapTask, line: Line, now: Instant): Steps {
    this.#sender.end(exchange);
    const refusal = this.#record.noteConflict(request, now);
    const lifetime = believedLifetime(request.lifetimeSeconds);
    return [settled(id, refusal), ...this.#withdraw(request, lifetime, line, now)];
  }

  /** Releases a mapping of ours that nobody wants. Nobody waits for the answer. */
  #withdraw(key: MapKey, lifetime: Duration, line: Line, now: Instant): Steps {
    return [this.#withdrawal('owed', key, lifetime, line), ...this.#withdrawAgain(key, line, now)];
  }

  #withdrawAgain(key: MapKey, line: Line, now: Instant): Steps {
    return this.handleRelease({ kind: 'release', id: undefined, key, until: after(now, WITHDRAW_FOR) }, line, now);
  }

  #withdrawLater(request: MapRequest, line: Line, now: Instant): Steps {
    this.#record.owe(request, now);
    return [this.#withdrawal('owed', request, believedLifetime(request.lifetimeSeconds), line)];
  }

  #withdrawal(state: 'owed' | 'answered', key: MapKey, lifetime: Duration, line: Line): ClientOutput {
    return withdrawalOf(state, key, lifetime, this.#id, line.address.source);
  }

  #perhapsMadeBy({ task, attempts }: Exchange, line: Line): Steps {
    if (task.kind !== 'map' || attempts === 0) return NOTHING;
    return [this.#withdrawal('owed', task.request, believedLifetime(task.request.lifetimeSeconds), line)];
  }

  /** One request per mapping: the latest wish counts (a release during a renewal, say). */
  #replaceOpen(key: MapKey): Steps {
    const previous = this.#sender.withKey(key);
    if (previous === undefined) return NOTHING;
    this.#sender.end(previous);
    const { task } = previous;
    if (task.id === undefined) return NOTHING;
    this.#counters.gaveUp();
    const outcome = unanswered('no answer in time');
    return [task.kind === 'map' ? settled(task.id, outcome) : released(task.id, outcome)];
  }

  #ignored(why: DatagramIgnoredBecause, line: Line): Steps {
    this.#counters.ignored(why);
    return [{ kind: 'ignored', why, from: line.address.endpoint }];
  }
}
