// A port is opened (RFC 6970 §5.6): may the asker have it, is it its turn, is something there already, and is the promise
// on the disk before it is given. Making a new mapping is told in `make-mapping.ts`, renewing one in `refresh-mapping.ts`.

import { ANY_PORT, type PortNumber } from '../base/port-number.ts';
import { ok, type Result, refused } from '../base/result.ts';
import { after, type Instant, seconds } from '../base/time.ts';
import type { Mapping } from '../mapping/mapping.ts';
import { CANNOT_PROVIDE_EXTERNAL, isShortConflict, isShortLifetimeError } from '../pcp/asking/result-code.ts';
import { isKeptForOperator, objectionToCount, objectionToWish } from './authorization.ts';
import { endMapping } from './close-port.ts';
import type { Answer, Asker, Wish } from './gateway.ts';
import type { Interworking } from './interworking.ts';
import { type Asking, makeMapping } from './make-mapping.ts';
import { refreshMapping, replaceMapping } from './refresh-mapping.ts';
import { type Refusal, refusal } from './refusal.ts';

/** RFC 6970 §5.6.1, §5.6.2. */
const RESEND_AFTER = seconds(30);

interface Opened {
  readonly mapping: Mapping;
  /** False: the entry was there and has new terms. */
  readonly isNew: boolean;
}

export async function openPort(iw: Interworking, asker: Asker, wish: Wish): Promise<Answer<PortNumber>> {
  const opened = await decide(iw, asker, wish);
  if (!opened.ok) iw.refusals.tell(asker, wish, opened.error);
  return opened;
}

async function decide(iw: Interworking, asker: Asker, wish: Wish): Promise<Answer<PortNumber>> {
  const objection = objectionToWish(iw, asker, wish);
  if (objection !== undefined) return refused(objection);
  const opened = await withResends(iw, asker, (deadline) => inTurn(iw, { asker, wish, deadline }));
  return opened.ok ? keptOrTakenBack(iw, opened.value) : opened;
}

/** One change of a port, and of a service, at a time: whoever comes second finds what the first has made. */
function inTurn(iw: Interworking, asking: Asking): Promise<Result<Opened, Refusal>> {
  const { wish } = asking;
  const service = `${wish.internalClient.text} ${wish.protocol} ${wish.internalPort}`;
  // Of a wish for any port, the port is not known before the answer.
  if (!wish.isExact) return iw.turns.take(service, () => openAny(iw, asking));
  const port = `${wish.protocol} ${wish.externalPort}`;
  return iw.turns.take(port, () => iw.turns.take(service, () => openExactly(iw, asking)));
}

/** This port or none (RFC 6970 §5.6.2; WANIPConnection:2 §2.5.16). */
async function openExactly(iw: Interworking, asking: Asking): Promise<Result<Opened, Refusal>> {
  const { asker, wish } = asking;
  const here = iw.table.onExternalPort(wish.protocol, wish.externalPort);
  const existing = here.find((mapping) => mapping.remoteHost === wish.remoteHost) ?? here[0];
  if (existing !== undefined) {
    if (!existing.internalClient.equals(wish.internalClient))
      return refused(refusal('taken', `${existing.internalClient.text} has this port`));
    // UPnP leaves this to us, and a PCP server has one mapping per external port.
    if (existing.remoteHost !== wish.remoteHost) return refused(refusal('taken', 'the port has another remote host'));
  }
  if (existing !== undefined && isKeptForOperator(asker, existing)) {
    const isSame = existing.internalPort === wish.internalPort;
    return isSame ? refreshed(ok(existing)) : refused(refusal('taken', 'the operator made it'));
  }
  const twin = otherPortOfSameService(iw, wish);
  if (twin !== undefined)
    return refused(refusal('taken', `the server maps ${twin.internalPort} to ${twin.externalPort}`));
  if (existing !== undefined) {
    return existing.internalPort === wish.internalPort || existing.nat1Port !== undefined
      ? refreshed(await refreshMapping(iw, existing, asking))
      : made(await replaceMapping(iw, existing, asking, () => makeMapping(iw, asking)));
  }
  const tooMany = objectionToCount(iw, asker, wish);
  return tooMany === undefined ? made(await makeMapping(iw, asking)) : refused(tooMany);
}

/** RFC 6887 §11.3: without a NAT of our own, one internal port has one external port. */
function otherPortOfSameService(iw: Interworking, wish: Wish): Mapping | undefined {
  if (iw.localNat !== undefined) return undefined;
  return sameService(iw, wish).find((mapping) => mapping.externalPort !== wish.externalPort);
}

/** The port that is wished for if it can be had, another if not (RFC 6970 §5.6.1; WANIPConnection:2 §2.5.17). */
async function openAny(iw: Interworking, asking: Asking): Promise<Result<Opened, Refusal>> {
  const { asker, wish } = asking;
  const existing = entryThatServes(iw, wish);
  if (existing !== undefined && isKeptForOperator(asker, existing)) return refreshed(ok(existing));
  if (existing !== undefined) return refreshed(await refreshMapping(iw, existing, asking));
  const twin = iw.localNat === undefined ? sameService(iw, wish)[0] : undefined;
  if (twin !== undefined)
    return refused(refusal('taken', `the server maps ${twin.internalPort} for another remote host`));
  const tooMany = objectionToCount(iw, asker, wish);
  if (tooMany !== undefined) return refused(tooMany);
  // A port that is taken here is taken there: suggesting it would only confuse who holds it.
  const isTaken = iw.table.onExternalPort(wish.protocol, wish.externalPort).length > 0;
  return made(await makeMapping(iw, isTaken ? { ...asking, wish: { ...wish, externalPort: ANY_PORT } } : asking));
}

/** An entry for the same service that answers the wish: the same port, or one that was "any" before. */
function entryThatServes(iw: Interworking, wish: Wish): Mapping | undefined {
  const same = sameService(iw, wish).filter((mapping) => mapping.remoteHost === wish.remoteHost);
  const exact = same.find((mapping) => mapping.externalPort === wish.externalPort);
  if (exact !== undefined) return exact;
  // Without a NAT of our own there is one external port per internal port (RFC 6887 §11.3), whoever asked for it.
  // With it, an asker that repeats its wish must not collect a new port each time.
  const isAnyGood = iw.localNat === undefined || wish.externalPort === ANY_PORT;
  return same.find((mapping) => isAnyGood || !mapping.isPublished);
}

const sameService = (iw: Interworking, wish: Wish): readonly Mapping[] =>
  iw.table.onInternalPort(wish.internalClient, wish.protocol, wish.internalPort);

const made = (result: Result<Mapping, Refusal>): Result<Opened, Refusal> =>
  result.ok ? ok({ mapping: result.value, isNew: true }) : result;

const refreshed = (result: Result<Mapping, Refusal>): Result<Opened, Refusal> =>
  result.ok ? ok({ mapping: result.value, isNew: false }) : result;

/**
 * RFC 6970 §5.6.1, §5.6.2: a refusal that may soon be over can be asked again 30 s later without the asker knowing. Off
 * unless the operator wants it. The wait holds no turn, and ends when the asker hangs up.
 */
async function withResends(
  iw: Interworking,
  asker: Asker,
  attempt: (deadline: Instant) => Promise<Result<Opened, Refusal>>,
): Promise<Result<Opened, Refusal>> {
  const left = {
    never: 0,
    'after short error': iw.options.resendsAfterShortError,
    'after short conflict': iw.options.resendsAfterShortConflict,
  };
  for (;;) {
    const outcome = await attempt(after(iw.now(), iw.options.answerWithin));
    if (outcome.ok) return outcome;
    const kind = resendOf(outcome.error);
    if (left[kind] <= 0) return outcome;
    left[kind] -= 1;
    const waited = await iw.alarms.until(after(iw.now(), RESEND_AFTER), 'ask again', asker.hungUp);
    if (waited === 'cancelled') return outcome;
  }
}

function resendOf(no: Refusal): 'after short error' | 'after short conflict' | 'never' {
  if (no.reason !== 'upstream refused') return 'never';
  if (no.code === CANNOT_PROVIDE_EXTERNAL)
    return isShortConflict(no.lifetimeSeconds) ? 'after short conflict' : 'never';
  return isShortLifetimeError(no.code) ? 'after short error' : 'never';
}

/**
 * A port is promised only when it survives a crash (RFC 6970 §5.3). Where the disk refuses it, a new port is closed again:
 * otherwise it would be gone after the next start, and nobody would know.
 */
async function keptOrTakenBack(iw: Interworking, { mapping, isNew }: Opened): Promise<Answer<PortNumber>> {
  if (await iw.durable()) return ok(mapping.externalPort);
  const why = `it could not be kept: ${iw.diskProblem() ?? 'the disk refused it'}`;
  // A refreshed entry stays: it is on the disk with its former terms.
  if (isNew && iw.table.find(mapping)?.upstream.nonce === mapping.upstream.nonce)
    endMapping(iw, mapping, 'deleted', why);
  return refused(refusal('not kept', why));
}
