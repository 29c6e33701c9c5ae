// The requests under way with one server: opened, sent, sent again, given up and withdrawn (RFC 6887 §8.1.1, §11.4, §15).
// What their answers mean is in `answers.ts`; whether the server is there, in `liveness.ts`.

import { after, between, type Duration, type Instant, minutes, seconds } from '../../base/time.ts';
import { believedLifetime } from './answer-judgement.ts';
import type { ClientOutput } from './client-output.ts';
import { Exchange, type Task, taskKey } from './exchange.ts';
import { GoneLately, HeldMappings, Withdrawals } from './held-mappings.ts';
import type { Unanswered, Withdrawal } from './map-outcome.ts';
import type { MapKey, MapRequest, Patience } from './map-request.ts';
import { baseKeyText } from './map-request.ts';
import type { MappingNonce } from './mapping-nonce.ts';
import { OpenExchanges } from './open-exchanges.ts';
import { Pacing, type PacingLimits } from './pacing.ts';
import { CANNOT_PROVIDE_EXTERNAL } from './result-code.ts';
import { NOTHING, type Outputs, type ServerContext } from './server-context.ts';

/** Seven packets: hardly ever are they all lost. When the server was not heard either, the next sign of life starts over. */
const WITHDRAW_FOR = minutes(5);

/** The server did not say how long the port is taken. Asking takes a control point's whole patience, so not too often. */
const CONFLICT_HOLD = seconds(30);

export class Requests {
  readonly open = new OpenExchanges();
  readonly held = new HeldMappings();
  readonly released = new GoneLately();
  /** Another packet of the same request may be granted all the same (RFC 6887 §8.3). */
  readonly refused = new GoneLately();
  readonly #context: ServerContext;
  readonly #limits: PacingLimits;
  readonly #withdrawals = new Withdrawals();
  #pacing: Pacing<Exchange>;

  constructor(context: ServerContext, limits: PacingLimits) {
    this.#context = context;
    this.#limits = limits;
    this.#pacing = new Pacing(limits, false);
  }

  /** Whether anything depends on the server being there. */
  get isWatched(): boolean {
    return this.held.size > 0 || this.open.size > 0;
  }

  get counts(): { readonly queued: number; readonly inFlight: number; readonly held: number } {
    return { queued: this.#pacing.queued, inFlight: this.open.size - this.#pacing.queued, held: this.held.size };
  }

  map(task: Task & { readonly kind: 'map' }, now: Instant): Outputs {
    const { knowledge, liveness, id } = this.#context;
    const { request } = task;
    this.#forgetExpired(now);
    const held = this.held.get(request);
    const refusal = knowledge.refusalOf(request, held, now);
    if (refusal !== undefined) return [settled(task.id, { kind: 'refused', server: id, ...refusal })];
    const exchange = new Exchange(task, knowledge.formOf(request, held, now), now);
    const previous = this.open.withKey(request);
    // What somebody waits for renews the mapping just as well.
    if (previous?.task.kind === 'map' && previous.isUrgent && !exchange.isUrgent) {
      return [settled(task.id, unanswered('no answer in time'))];
    }
    if (liveness.health === 'down' && !exchange.isPatient) {
      exchange.isTrial = liveness.demand(now) && exchange.isUrgent;
      if (!exchange.isTrial) return [settled(task.id, unanswered('server known to be down'))];
    }
    exchange.replacesRelease = previous?.task.kind === 'release' || this.#withdrawals.has(request);
    return [...this.#replaceOpen(request), ...this.#clearTheWay(request, now), ...this.#start(exchange, now)];
  }

  release(task: Task & { readonly kind: 'release' }, now: Instant): Outputs {
    const previous = this.open.withKey(task.key);
    // What becomes of an old debt is decided by the answer to who wants the mapping now.
    if (task.owedTo !== undefined && task.id !== undefined && this.#isAskedFor(task.key))
      return [{ kind: 'released', id: task.id, outcome: unanswered('no answer in time') }];
    const form = { preferFailure: false, resetFilters: false };
    const exchange = new Exchange(task, form, now);
    const isBehindMap = previous?.task.kind === 'map' || this.refused.has(task.key, now);
    exchange.mayMeetLateGrant = task.id === undefined || isBehindMap;
    this.#withdrawals.delete(task.key);
    const isOnItsWay =
      previous?.task.kind === 'release' &&
      previous.task.id === undefined &&
      previous.task.key.nonce === task.key.nonce &&
      previous.wasSentOnce;
    if (isOnItsWay) {
      // A second one would be answered too, and that answer taken for the next MAP's: nothing in it tells them apart.
      this.settle(previous);
      exchange.continueFrom(previous);
      this.open.add(exchange);
      return NOTHING;
    }
    return [...this.#replaceOpen(task.key), ...this.#start(exchange, now)];
  }

  cancel(id: number, why: Unanswered['why'], now: Instant): Outputs {
    const exchange = this.open.withId(id);
    return exchange === undefined ? NOTHING : this.giveUp(exchange, why, now);
  }

  /** Releases a mapping of ours that nobody wants; nobody waits for the answer. */
  withdraw(key: MapKey, lifetime: Duration, now: Instant): Outputs {
    return [...this.withdrawal('owed', key, lifetime), ...this.#withdrawAgain(key, now)];
  }

  /** Told to whoever remembers it longer than we do. */
  withdrawal(state: Withdrawal['state'], key: MapKey, lifetime: Duration): Outputs {
    const { choice, id } = this.#context;
    const internalAddress = key.thirdParty ?? choice.active?.source;
    if (internalAddress === undefined) return NOTHING;
    const { nonce, protocol, internalPort, thirdParty } = key;
    const isThirdParty = thirdParty !== undefined;
    const about = { server: id, nonce, protocol, internalPort, internalAddress, isThirdParty, lifetime };
    return [{ kind: 'withdrawal', withdrawal: { state, ...about } }];
  }

  /** The server was heard: what may have been made behind our back is released. */
  withdrawAll(now: Instant): Outputs {
    if (this.#withdrawals.size === 0) return NOTHING;
    return this.#withdrawals.takeAll(now).flatMap((key) => this.#withdrawAgain(key, now));
  }

  /** A late answer to what was given up: nothing else than a sign of life. */
  isGivenUp(base: string, nonce: MappingNonce | undefined): boolean {
    return this.#withdrawals.isOneOf(base, nonce);
  }

  /** Under our present address: where it is another one from now on, nobody will hear the answers. */
  perhapsMade(): Outputs {
    const own = this.open.all().filter(({ task }) => taskKey(task).thirdParty === undefined);
    return own.flatMap((exchange) => this.#perhapsMadeBy(exchange));
  }

  /** What is still to be released, for whoever goes on with this server after the conversation has ended. */
  takeUnreleased(now: Instant): readonly MapKey[] {
    const underWay = this.open.all().flatMap(({ task }) => (task.kind === 'release' ? [task.key] : []));
    return [...this.#withdrawals.takeAll(now), ...underWay];
  }

  rememberToWithdraw(key: MapKey, now: Instant): void {
    this.#withdrawals.add(key, now);
  }

  /** For when the server is heard. */
  withdrawLater(request: MapRequest, now: Instant): Outputs {
    this.#withdrawals.add(request, now);
    return this.withdrawal('owed', request, believedLifetime(request.lifetimeSeconds));
  }

  /** `isAddressSilent`: one request used up its tries, and nothing at all was heard meanwhile (RFC 7488 §3). */
  due(now: Instant): { readonly outputs: Outputs; readonly isAddressSilent: boolean } {
    this.#forgetExpired(now);
    const { tries } = this.#context.knowledge.dialect.retransmission;
    const outputs: ClientOutput[] = [];
    for (let next = this.open.firstDue(now); next !== undefined; next = this.open.firstDue(now)) {
      if (next.deadline <= now) outputs.push(...this.giveUp(next, 'no answer in time', now));
      else if (next.attempts >= tries && this.#isSilent(next)) return { outputs, isAddressSilent: true };
      else outputs.push(...this.#send(next, now));
    }
    outputs.push(...this.pump(now));
    return { outputs, isAddressSilent: false };
  }

  nextAt(): { readonly at: Instant; readonly why: string } | undefined {
    const first = this.open.first();
    const paced = this.#pacing.nextAt();
    if (first === undefined) return undefined;
    if (paced !== undefined && paced < first.dueAt) return { at: paced, why: 'next paced request' };
    return { at: first.dueAt, why: first.describe() };
  }

  /** Another address, another form, another protocol, or back after a pause. */
  sendAgain(exchange: Exchange, now: Instant): Outputs {
    exchange.startAgain();
    return this.#send(exchange, now);
  }

  /** A sign, which may be forged, that what was sent is not going to be answered: at most one more packet for each of ours. */
  hurry(now: Instant): void {
    const { retransmission } = this.#context.knowledge.dialect;
    for (const exchange of this.open.all()) {
      if (exchange.hurry(now, retransmission)) this.open.reschedule(exchange);
    }
  }

  sendAllAgain(now: Instant): Outputs {
    const outputs: ClientOutput[] = [];
    for (const exchange of this.open.all()) outputs.push(...this.sendAgain(exchange, now));
    return outputs;
  }

  /** RFC 6970 §5.1: a control point hears at once that the server cannot be reached. */
  serverWentDown(now: Instant): Outputs {
    const outputs: ClientOutput[] = [];
    for (const exchange of this.open.all()) {
      if (exchange.isPatient) this.#pause(exchange);
      else outputs.push(...this.giveUp(exchange, 'server known to be down', now));
    }
    return outputs;
  }

  /** In the protocol the server turned out to speak, each request is judged anew. */
  protocolChanged(now: Instant): Outputs {
    const { knowledge } = this.#context;
    const waiting = this.open.all();
    for (const exchange of waiting) this.#pacing.drop(exchange);
    this.#pacing = new Pacing(this.#limits, knowledge.dialect.isSerial);
    const outputs: ClientOutput[] = [];
    for (const exchange of waiting) {
      const { task } = exchange;
      if (task.kind === 'map') {
        this.open.remove(exchange);
        outputs.push(...this.map({ ...task, patience: restOf(task.patience, exchange.deadline, now) }, now));
      } else outputs.push(...this.sendAgain(exchange, now));
    }
    return outputs;
  }

  giveUp(exchange: Exchange, why: Unanswered['why'], now: Instant): Outputs {
    const { liveness, counters } = this.#context;
    const { task } = exchange;
    const isSilent = this.#isSilent(exchange);
    if (exchange.wrongPorts > 0 && task.kind === 'map') return this.conflict(exchange, task.request, now);
    this.settle(exchange);
    counters.gaveUp();
    if (isSilent && liveness.health !== 'down' && why !== 'closed') liveness.ask(now);
    if (task.kind === 'release') {
      if (task.id !== undefined) return [{ kind: 'released', id: task.id, outcome: unanswered(why) }];
      if (isSilent || why === 'no server') this.#withdrawals.add(task.key, now);
      return NOTHING;
    }
    const outputs: ClientOutput[] = [settled(task.id, unanswered(why))];
    // The request may have made a mapping all the same; a refresh of one that is wanted is no such thing.
    if (!exchange.isUrgent || exchange.attempts === 0 || this.held.get(task.request) !== undefined) return outputs;
    const { request } = task;
    if (isSilent) outputs.push(...this.withdrawLater(request, now));
    else outputs.push(...this.withdraw(request, believedLifetime(request.lifetimeSeconds), now));
    return outputs;
  }

  /** The server made a mapping with another port than the only acceptable one: it goes, and the request is refused. */
  conflict(exchange: Exchange, request: MapRequest, now: Instant): Outputs {
    this.settle(exchange);
    if (exchange.task.id === undefined) return NOTHING;
    const { id, knowledge } = this.#context;
    const code = CANNOT_PROVIDE_EXTERNAL;
    knowledge.noteConflict(request, CONFLICT_HOLD, now);
    const refusal = {
      kind: 'refused',
      server: id,
      code,
      lifetimeSeconds: 0,
      hold: CONFLICT_HOLD,
      by: 'client',
    } as const;
    this.held.delete(request);
    const lifetime = believedLifetime(request.lifetimeSeconds);
    return [settled(exchange.task.id, refusal), ...this.withdraw(request, lifetime, now)];
  }

  /** Takes an answered request off the books. */
  settle(exchange: Exchange): void {
    this.open.remove(exchange);
    this.#pacing.drop(exchange);
  }

  /** Also what was asked for a mapping that is wanted: whoever goes on may do so from another address (RFC 6887 §11.3). */
  closeAll(why: Unanswered['why'], now: Instant): Outputs {
    return this.open.all().flatMap((exchange) => {
      const outputs = this.giveUp(exchange, why, now);
      const isTold = outputs.some(({ kind }) => kind === 'withdrawal');
      return isTold ? outputs : [...this.#perhapsMadeBy(exchange), ...outputs];
    });
  }

  #perhapsMadeBy({ task, attempts }: Exchange): Outputs {
    if (task.kind !== 'map' || attempts === 0) return NOTHING;
    return this.withdrawal('owed', task.request, believedLifetime(task.request.lifetimeSeconds));
  }

  /** A mapping whose lifetime is over is gone at the server, too: its port may be had. */
  #forgetExpired(now: Instant): void {
    for (const { key, assignedPort } of this.held.takeExpired(now)) {
      this.#context.knowledge.noteFree(key.protocol, assignedPort);
    }
  }

  /** One request per mapping: the latest wish counts (a release during a renewal, say). */
  #replaceOpen(key: MapKey): Outputs {
    const previous = this.open.withKey(key);
    if (previous === undefined) return NOTHING;
    this.settle(previous);
    const { task } = previous;
    if (task.id === undefined) return NOTHING;
    this.#context.counters.gaveUp();
    const outcome = unanswered('no answer in time');
    return [task.kind === 'map' ? settled(task.id, outcome) : { kind: 'released', id: task.id, outcome }];
  }

  /** RFC 6887 §11.3: under another nonce, a mapping given up earlier would have this request refused. It goes first. */
  #clearTheWay(key: MapKey, now: Instant): Outputs {
    return this.#withdrawals
      .takeUnder(key)
      .filter((other) => other.nonce !== key.nonce)
      .flatMap((other) => this.#withdrawAgain(other, now));
  }

  #withdrawAgain(key: MapKey, now: Instant): Outputs {
    return this.release({ kind: 'release', id: undefined, key, until: after(now, WITHDRAW_FOR) }, now);
  }

  #isAskedFor(key: MapKey): boolean {
    return this.open.matching(baseKeyText(key), undefined).some(({ task }) => task.kind === 'map');
  }

  #start(exchange: Exchange, now: Instant): Outputs {
    this.open.add(exchange);
    return this.#send(exchange, now);
  }

  #send(exchange: Exchange, now: Instant): Outputs {
    if (this.#context.liveness.health === 'down' && !exchange.isTrial) {
      this.#pause(exchange);
      return NOTHING;
    }
    if (exchange.isUrgent && !this.#context.knowledge.dialect.isSerial) return this.#transmit(exchange, now);
    this.#pause(exchange);
    this.#pacing.enqueue(exchange, exchange.rank);
    return this.pump(now);
  }

  /** Sends what has waited for its turn; also when an answer made room. */
  pump(now: Instant): Outputs {
    const outputs: ClientOutput[] = [];
    for (let next = this.#pacing.next(now); next !== undefined; next = this.#pacing.next(now)) {
      if (this.open.isOpen(next)) outputs.push(...this.#transmit(next, now));
    }
    return outputs;
  }

  #transmit(exchange: Exchange, now: Instant): Outputs {
    const { choice, counters, knowledge, unit } = this.#context;
    const address = choice.active;
    if (address === undefined) {
      this.#pause(exchange);
      return NOTHING;
    }
    const { dialect } = knowledge;
    const { task, form } = exchange;
    counters.sent(task.kind, exchange.attempts > 0);
    const expectedUntil = exchange.sent(now, dialect.retransmission, unit());
    this.open.reschedule(exchange);
    if (!exchange.isUrgent || dialect.isSerial) this.#pacing.sent(exchange, expectedUntil);
    const bytes =
      task.kind === 'map'
        ? dialect.encodeMap(task.request, form, address.source)
        : dialect.encodeRelease(task.key, address.source);
    return [{ kind: 'transmit', to: address.endpoint, bytes }];
  }

  #pause(exchange: Exchange): void {
    this.#pacing.drop(exchange);
    exchange.paused();
    this.open.reschedule(exchange);
  }

  #isSilent({ firstSentAt }: Exchange): boolean {
    const { heardAt } = this.#context.liveness;
    return firstSentAt !== undefined && (heardAt === undefined || heardAt <= firstSentAt);
  }
}

const restOf = (patience: Patience, deadline: Instant, now: Instant): Patience =>
  patience.kind === 'answer within' ? { ...patience, budget: between(now, deadline) } : patience;

const unanswered = (why: Unanswered['why']): Unanswered => ({ kind: 'unanswered', why });

const settled = (id: number, outcome: (ClientOutput & { readonly kind: 'settled' })['outcome']): ClientOutput => ({
  kind: 'settled',
  id,
  outcome,
});
