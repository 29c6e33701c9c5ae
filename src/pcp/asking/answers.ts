// What a MAP response does (RFC 6887 §11.4, §11.5, §15): it settles the request it matches, or it updates a mapping we
// hold, or it is nobody's. Checks before the match are the conversation's.

import type { IpAddress } from '../../base/ip-address.ts';
import type { PortNumber } from '../../base/port-number.ts';
import { after, before, between, type Duration, type Instant, milliseconds, seconds } from '../../base/time.ts';
import { believedLifetime, judgeAnswer, type Verdict } from './answer-judgement.ts';
import type { ClientOutput } from './client-output.ts';
import type { MapReply } from './dialect.ts';
import type { Exchange, Task } from './exchange.ts';
import type { HeldMapping } from './held-mappings.ts';
import type { ServerId } from './map-outcome.ts';
import type { MapKey, MapRequest } from './map-request.ts';
import { baseKeyText } from './map-request.ts';
import type { Requests } from './requests.ts';
import { holdOf, NO_RESOURCES, NOT_AUTHORIZED, SUCCESS, UNSUPP_OPTION } from './result-code.ts';
import { NOTHING, type Outputs, type ServerContext } from './server-context.ts';
import type { OptionLearned } from './server-knowledge.ts';

// A stray Mapping Update comes three times at most (RFC 6887 §11.5), and hardly ever meets a request; a server that
// ignores PREFER_FAILURE answers every packet so.
const MOST_WRONG_PORTS = 4;

/** Lifetimes are whole seconds. */
const ROUNDING = seconds(2);

/** Copies that are later than this are not to be expected. */
const LONGEST_UNDER_WAY = seconds(10);

type MapTask = Task & { readonly kind: 'map' };
type ReleaseTask = Task & { readonly kind: 'release' };

export type Match =
  | { readonly kind: 'exchange'; readonly exchange: Exchange }
  | { readonly kind: 'held'; readonly held: HeldMapping }
  /** About a mapping of ours, or one that was given up, and nothing new. */
  | { readonly kind: 'copy' }
  /** A mapping that was released, made once more by a packet the deletion overtook. */
  | { readonly kind: 'revenant'; readonly key: MapKey; readonly lifetime: Duration };

export class Answers {
  readonly #context: ServerContext;
  readonly #requests: Requests;

  constructor(context: ServerContext, requests: Requests) {
    this.#context = context;
    this.#requests = requests;
  }

  /** RFC 6887 §11.4: protocol, internal address and port, nonce; nothing else is compared. Undefined: nobody's. */
  match(reply: MapReply, now: Instant): Match | undefined {
    const base = baseKeyText(reply);
    const candidates = this.#requests.open.matching(base, reply.nonce);
    // Without nonces, a deletion's answer is known by its lifetime (RFC 6886 §3.4).
    const isDeletion = reply.code === SUCCESS && reply.lifetimeSeconds === 0;
    const exchange = candidates.find(({ task }) => (task.kind === 'release') === isDeletion) ?? candidates[0];
    if (exchange !== undefined) return { kind: 'exchange', exchange };
    const held = this.#requests.held.matching(base, reply.nonce);
    if (held === undefined && this.#requests.isGivenUp(base, reply.nonce)) return { kind: 'copy' };
    if (held === undefined) return this.#revenant(base, reply, now);
    return isNews(held, reply, now) ? { kind: 'held', held } : { kind: 'copy' };
  }

  take(match: Exclude<Match, { kind: 'copy' }>, reply: MapReply, now: Instant): Outputs {
    if (match.kind === 'held') return this.#update(match.held, reply, now);
    if (match.kind === 'revenant') return this.#requests.withdraw(match.key, match.lifetime, now);
    const { exchange } = match;
    this.#context.counters.answered(reply.code, now);
    if (exchange.wasSentOnce && exchange.firstSentAt !== undefined) {
      this.#context.counters.tookRoundTrip(milliseconds(now - exchange.firstSentAt));
    }
    const { task } = exchange;
    return task.kind === 'map'
      ? this.#mapAnswered(exchange, task, reply, now)
      : this.#releaseAnswered(exchange, task, reply, now);
  }

  /** NAT-PMP grants name no address; when it changes, it changes for all of them (RFC 6886 §3.2). */
  externalAddressIs(externalAddress: IpAddress | undefined, now: Instant): Outputs {
    const { knowledge } = this.#context;
    if (externalAddress === undefined || knowledge.externalAddress?.equals(externalAddress)) return NOTHING;
    knowledge.externalAddress = externalAddress;
    return this.#requests.held.all().map((held): ClientOutput => {
      const moved = { ...held, assignedAddress: externalAddress };
      this.#requests.held.put(moved);
      return movedUpdate(this.#context.id, moved, now);
    });
  }

  #mapAnswered(exchange: Exchange, task: MapTask, reply: MapReply, now: Instant): Outputs {
    const { knowledge } = this.#context;
    const verdict = judgeAnswer(task.request, exchange.form, reply, knowledge);
    switch (verdict.kind) {
      case 'granted':
        return this.#granted(exchange, task, verdict, reply.lifetimeSeconds, now);
      case 'refused':
        return this.#refused(exchange, task, reply, now);
      case 'another port':
        // RFC 6887 §13.2: as if nothing had come; what the server made is released when the request ends.
        exchange.wrongPorts += 1;
        return exchange.wrongPorts < MOST_WRONG_PORTS
          ? this.#ignored('another port than asked')
          : this.#requests.conflict(exchange, task.request, now);
      case 'conflict':
        return this.#requests.conflict(exchange, task.request, now);
      case 'stale':
        return this.#ignored('copy');
      case 'ask again': {
        const learned = this.#learnFrom(task.request, exchange, verdict.without, reply, now);
        exchange.form = verdict.form;
        return [...learned, ...this.#requests.sendAgain(exchange, now)];
      }
    }
  }

  #granted(
    exchange: Exchange,
    task: MapTask,
    verdict: Verdict & { kind: 'granted' },
    lifetimeSeconds: number,
    now: Instant,
  ): Outputs {
    const { id, knowledge } = this.#context;
    const { request } = task;
    const { assignedAddress, assignedPort, lifetime } = verdict;
    const internalAddress = this.#internalAddress(request.thirdParty);
    const { nonce, protocol, internalPort, thirdParty } = request;
    const key = { nonce, protocol, internalPort, thirdParty };
    const expiresAt = after(now, lifetime);
    this.#requests.settle(exchange);
    this.#requests.refused.delete(key);
    this.#noteMoved(this.#requests.held.get(key), assignedPort);
    const grant = { receivedAt: now, lifetimeSeconds };
    this.#requests.held.put({
      key,
      internalAddress,
      assignedAddress,
      assignedPort,
      expiresAt,
      grant,
      refusedWith: undefined,
    });
    const learned = knowledge.noteGranted(request, exchange.form, now);
    const outcome = { kind: 'granted', server: id, internalAddress, assignedAddress, assignedPort, lifetime } as const;
    return [...this.#learned(learned), { kind: 'settled', id: task.id, outcome }, ...this.#requests.pump(now)];
  }

  #refused(exchange: Exchange, task: MapTask, reply: MapReply, now: Instant): Outputs {
    const { id, knowledge } = this.#context;
    const { request } = task;
    const { code, lifetimeSeconds } = reply;
    // RFC 6887 §11.3: the mapping in the way may be one of ours that is being released right now.
    if (code === NOT_AUTHORIZED && this.#isBeingReleased(request)) return this.#ignored('copy');
    this.#requests.settle(exchange);
    this.#requests.refused.add(request, now);
    const held = this.#requests.held.get(request);
    const withdrawal: ClientOutput[] = [];
    if (held !== undefined) this.#requests.held.put({ ...held, refusedWith: code });
    // RFC 6887 §8.3: a success may follow for another packet of the same request; nobody would know of that mapping. A
    // recovery asks for what may be there still.
    else if (exchange.isUrgent) {
      const mayBeThere = exchange.attempts > 1 || exchange.replacesRelease;
      if (mayBeThere) withdrawal.push(...this.#requests.withdrawLater(request, now));
      // The refusal may have answered an earlier request under the same nonce: a grant that follows is not wanted.
      this.#requests.released.add(request, now);
    }
    const { hold, learned } = knowledge.noteRefused(request, exchange.form, reply, now);
    const outcome = { kind: 'refused', server: id, code, lifetimeSeconds, hold, by: 'server' } as const;
    const settled = [{ kind: 'settled', id: task.id, outcome }] as const;
    return [...this.#learned(learned), ...withdrawal, ...settled, ...this.#requests.pump(now)];
  }

  #releaseAnswered(exchange: Exchange, task: ReleaseTask, reply: MapReply, now: Instant): Outputs {
    const { id, knowledge } = this.#context;
    const isSuccess = reply.code === SUCCESS;
    const isGrant = isSuccess && reply.lifetimeSeconds > 0 && reply.assignedPort !== 0;
    const held = this.#requests.held.get(task.key);
    if (isGrant && (exchange.mayMeetLateGrant || isCopyOfGrant(held, reply, now))) return this.#ignored('copy');
    this.#requests.settle(exchange);
    // Some servers answer NO_RESOURCES for a mapping they do not have; gone is gone.
    const isGone = isSuccess || reply.code === NO_RESOURCES;
    if (isGone) {
      this.#requests.held.delete(task.key);
      if (held !== undefined) knowledge.noteFree(task.key.protocol, held.assignedPort);
      if (!isGrant) this.#requests.released.add(task.key, now);
    }
    const next = this.#requests.pump(now);
    if (task.id === undefined) return [...this.#requests.withdrawal('answered', task.key, milliseconds(0)), ...next];
    if (isGone) {
      // RFC 6887 §15: outbound traffic may keep the mapping for as long as the answer says.
      const busyFor = seconds(isSuccess ? reply.lifetimeSeconds : 0);
      return [{ kind: 'released', id: task.id, outcome: { kind: 'released', server: id, busyFor } }, ...next];
    }
    const { code, lifetimeSeconds } = reply;
    const hold = holdOf(code, lifetimeSeconds);
    const outcome = { kind: 'refused', server: id, code, lifetimeSeconds, hold, by: 'server' } as const;
    return [{ kind: 'released', id: task.id, outcome }, ...next];
  }

  /** RFC 6887 §11.5: the server changed or dropped a mapping of ours by itself. */
  #update(held: HeldMapping, reply: MapReply, now: Instant): Outputs {
    const { nonce, protocol, internalPort } = held.key;
    const about = { server: this.#context.id, nonce, protocol, internalPort, internalAddress: held.internalAddress };
    if (reply.code !== SUCCESS) {
      this.#requests.held.put({ ...held, refusedWith: reply.code });
      const { code, lifetimeSeconds } = reply;
      return [{ kind: 'mapping updated', update: { ...about, change: { kind: 'refused', code, lifetimeSeconds } } }];
    }
    // An earlier deletion was answered that may have come in behind the grant.
    if (reply.lifetimeSeconds === 0)
      return [{ kind: 'mapping updated', update: { ...about, change: { kind: 'doubted' } } }];
    const lifetime = believedLifetime(reply.lifetimeSeconds);
    const assignedAddress = reply.assignedAddress ?? held.assignedAddress;
    const { assignedPort } = reply;
    const expiresAt = after(now, lifetime);
    this.#noteMoved(held, assignedPort);
    const grant = { receivedAt: now, lifetimeSeconds: reply.lifetimeSeconds };
    this.#requests.held.put({ ...held, assignedAddress, assignedPort, expiresAt, grant, refusedWith: undefined });
    const change = { kind: 'granted', assignedAddress, assignedPort, lifetime } as const;
    return [{ kind: 'mapping updated', update: { ...about, change } }];
  }

  #revenant(base: string, reply: MapReply, now: Instant): Match | undefined {
    const isGrant = reply.code === SUCCESS && reply.lifetimeSeconds > 0;
    const key = isGrant ? this.#requests.released.take(base, reply.nonce, now) : undefined;
    return key === undefined ? undefined : { kind: 'revenant', key, lifetime: believedLifetime(reply.lifetimeSeconds) };
  }

  #noteMoved(before: HeldMapping | undefined, port: PortNumber): void {
    if (before === undefined || before.assignedPort === port) return;
    this.#context.knowledge.noteFree(before.key.protocol, before.assignedPort);
  }

  #learnFrom(
    request: MapRequest,
    exchange: Exchange,
    without: 'PREFER_FAILURE' | 'FILTER reset',
    reply: MapReply,
    now: Instant,
  ): Outputs {
    const { knowledge } = this.#context;
    if (without === 'FILTER reset') {
      knowledge.noteFilterResetRefused();
      return NOTHING;
    }
    const refusal = { code: UNSUPP_OPTION, lifetimeSeconds: reply.lifetimeSeconds };
    return this.#learned(knowledge.noteRefused(request, exchange.form, refusal, now).learned);
  }

  #learned(learned: readonly OptionLearned[]): Outputs {
    const server = this.#context.id;
    return learned.map(
      ({ option, supported }): ClientOutput => ({ kind: 'option learned', server, option, supported }),
    );
  }

  #isBeingReleased(request: MapRequest): boolean {
    const siblings = this.#requests.open.matching(baseKeyText(request), undefined);
    return siblings.some(({ task }) => task.kind === 'release');
  }

  #internalAddress(thirdParty: IpAddress | undefined): IpAddress {
    const source = thirdParty ?? this.#context.choice.active?.source;
    if (source === undefined) throw new Error('an answer came without an address it could have come to');
    return source;
  }

  #ignored(why: (ClientOutput & { readonly kind: 'ignored' })['why']): Outputs {
    this.#context.counters.ignored(why);
    const from = this.#context.choice.active?.endpoint;
    return from === undefined ? NOTHING : [{ kind: 'ignored', why, from }];
  }
}

function movedUpdate(server: ServerId, held: HeldMapping, now: Instant): ClientOutput {
  const { assignedAddress, assignedPort, internalAddress } = held;
  const { nonce, protocol, internalPort } = held.key;
  const lifetime = milliseconds(held.expiresAt - now);
  const change = { kind: 'granted', assignedAddress, assignedPort, lifetime } as const;
  return { kind: 'mapping updated', update: { server, nonce, protocol, internalPort, internalAddress, change } };
}

/** An answer to a deletion may say how long traffic keeps the mapping (RFC 6887 §15); a copy of the grant looks like it. */
function isCopyOfGrant(held: HeldMapping | undefined, reply: MapReply, now: Instant): boolean {
  if (held === undefined || held.grant.lifetimeSeconds !== reply.lifetimeSeconds) return false;
  return between(held.grant.receivedAt, now) < LONGEST_UNDER_WAY;
}

function isNews(held: HeldMapping, reply: MapReply, now: Instant): boolean {
  if (reply.code !== SUCCESS) return held.refusedWith !== reply.code;
  // An earlier deletion was answered: it may have taken this mapping with it, if it was overtaken.
  if (reply.lifetimeSeconds === 0) return true;
  const isSameAddress = reply.assignedAddress === undefined || reply.assignedAddress.equals(held.assignedAddress);
  // RFC 6887 §8.3 allows several answers to one request: the one that ends first is the one to go by.
  const end = after(now, believedLifetime(reply.lifetimeSeconds));
  const isShorter = end < before(held.expiresAt, ROUNDING);
  return reply.assignedPort !== held.assignedPort || !isSameAddress || isShorter;
}
