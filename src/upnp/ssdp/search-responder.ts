// Answers searches (UDA 1.1 §1.3): who is heard at all, how long an answer waits, and how many may leave.
// Lenient in form, because real control points are sloppy; strict in whom it answers.

import type { RandomSource } from '../../base/host.ts';
import { type Endpoint, endpointText, type IpAddress } from '../../base/ip-address.ts';
import type { IpPrefix } from '../../base/ip-prefix.ts';
import type { Machine, Wake } from '../../base/machine.ts';
import type { SsdpMessage } from '../../base/ssdp-socket.ts';
import { after, between, type Instant, milliseconds, scale } from '../../base/time.ts';
import type { AdvertisedRoot } from './advertised-root.ts';
import { answersTo, parseSearchTarget } from './search-target.ts';
import { headerOf, type SsdpSpeaker, searchResponse } from './ssdp-messages.ts';

export type SearchIgnored = 'not from this LAN' | 'malformed' | 'not ours' | 'already pending' | 'too many searches';

export type SearchResponderOutput =
  | { readonly kind: 'unicast'; readonly message: SsdpMessage; readonly to: Endpoint }
  | { readonly kind: 'ignored'; readonly why: SearchIgnored };

interface PendingAnswer {
  readonly at: Instant;
  readonly to: Endpoint;
  /** Asker and target: a search repeated while its answer waits gets that answer, not two. */
  readonly search: string;
  readonly message: SsdpMessage;
}

/**
 * Over how long the answers of one root are spread. MX protects a network where hundreds of devices answer at once; two
 * roots make 20 answers at most, and a person waits for them.
 */
const SPREAD_OF_A_ROOT = milliseconds(40);
/** Twenty control points that ask for everything within one MX; each entry is under 1 kB. */
const MAX_PENDING = 512;

export class SearchResponder implements Machine<SearchResponderOutput> {
  readonly #speaker: SsdpSpeaker;
  readonly #roots: readonly AdvertisedRoot[];
  readonly #prefix: IpPrefix;
  readonly #random: Pick<RandomSource, 'unit'>;
  readonly #allowance = new AnswerAllowance();
  /** Earliest first. */
  #pending: PendingAnswer[] = [];

  constructor(
    speaker: SsdpSpeaker,
    roots: readonly AdvertisedRoot[],
    prefix: IpPrefix,
    random: Pick<RandomSource, 'unit'>,
  ) {
    this.#speaker = speaker;
    this.#roots = roots;
    this.#prefix = prefix;
    this.#random = random;
  }

  /** Anything but a search is somebody else's business and draws no output. */
  handleMessage(message: SsdpMessage, from: Endpoint, now: Instant): readonly SearchResponderOutput[] {
    if (!/^M-SEARCH\b/i.test(message.startLine)) return [];
    // A search from outside the LAN, or from an address nobody can have, would make us send to a stranger.
    if (!this.#prefix.contains(from.address) || from.port === 0 || isForAll(from.address, this.#prefix)) {
      return ignored('not from this LAN');
    }
    const text = headerOf(message, 'ST');
    if (!isDiscover(message) || text === undefined) return ignored('malformed');
    const target = parseSearchTarget(text);
    const answers = target === undefined ? [] : answersTo(target, this.#roots);
    if (answers.length === 0) return ignored('not ours');
    const search = `${endpointText(from)} ${text}`;
    if (this.#pending.some((answer) => answer.search === search)) return ignored('already pending');
    if (this.#pending.length + answers.length > MAX_PENDING) return ignored('too many searches');
    if (!this.#allowance.allows(from.address, answers.length, now)) return ignored('too many searches');
    const mayWait = allowsDelay(message);
    const hasFirst = answers.some(({ root }) => root.rank === 'first');
    for (const answer of answers) {
      // The second root waits for the first: a control point that takes the first answer gets the first root.
      const slot = hasFirst && answer.root.rank === 'second' ? 1 : 0;
      const delay = scale(SPREAD_OF_A_ROOT, slot + this.#random.unit());
      this.#pending.push({
        at: mayWait ? after(now, delay) : now,
        to: from,
        search,
        message: searchResponse(this.#speaker, answer.root, answer),
      });
    }
    this.#pending.sort((a, b) => a.at - b.at);
    return this.handleTimeout(now);
  }

  nextWake(): Wake | undefined {
    const [first] = this.#pending;
    return first === undefined ? undefined : { at: first.at, why: `answer a search of ${first.to.address.text}` };
  }

  handleTimeout(now: Instant): readonly SearchResponderOutput[] {
    const due = this.#pending.filter((answer) => answer.at <= now);
    if (due.length > 0) this.#pending = this.#pending.filter((answer) => answer.at > now);
    return due.map(({ message, to }) => ({ kind: 'unicast', message, to }));
  }
}

const ignored = (why: SearchIgnored): readonly SearchResponderOutput[] => [{ kind: 'ignored', why }];

/**
 * UDA 1.1 §1.3.2: MAN must be "ssdp:discover" in quotes; some leave the quotes out. HOST is not looked at: it is whatever
 * address was typed.
 */
function isDiscover(message: SsdpMessage): boolean {
  return /^"?ssdp:discover"?$/i.test(headerOf(message, 'MAN') ?? '');
}

/**
 * UDA 1.1 §1.3.2: answers are spread, and all there within MX s, a whole second at least. Without a sensible MX it is a
 * unicast search, which wants its answer at once.
 */
function allowsDelay(message: SsdpMessage): boolean {
  return /^0*[1-9]\d*$/.test(headerOf(message, 'MX') ?? '');
}

/** One answer would reach every machine. */
const isForAll = (address: IpAddress, prefix: IpPrefix): boolean => address.isMulticast || prefix.isBroadcast(address);

// How many search answers may leave: a search of 100 bytes can draw 20 answers of 400, to a source address that may be
// forged, so both each asker and all askers together are limited (amplification; UDA 1.1 §1.3.3).

/** Room for a control point's opening volley: a few ssdp:all and a dozen single targets, each asked up to three times. */
const PER_SOURCE: BucketSize = { burst: 160, perSecond: 8 };
/** Twenty machines that start at once; then about 20 kB/s, which no LAN notices. */
const IN_TOTAL: BucketSize = { burst: 800, perSecond: 48 };
/** A forger can invent sources without end; the least recent ones are forgotten, the total still holds. */
const MAX_SOURCES = 256;

class AnswerAllowance {
  readonly #sources = new Map<string, TokenBucket>();
  #total: TokenBucket | undefined;

  /** Takes `count` answers to `source` out of the allowance, or none when that is too many. */
  allows(source: IpAddress, count: number, now: Instant): boolean {
    this.#total ??= new TokenBucket(IN_TOTAL, now);
    const own = this.#bucketOf(source, now);
    if (!own.has(count, now) || !this.#total.has(count, now)) return false;
    own.take(count);
    this.#total.take(count);
    return true;
  }

  #bucketOf(source: IpAddress, now: Instant): TokenBucket {
    const bucket = this.#sources.get(source.text) ?? new TokenBucket(PER_SOURCE, now);
    // Put back at the end, so that the first key is the one not heard from for longest.
    this.#sources.delete(source.text);
    this.#sources.set(source.text, bucket);
    const [oldest] = this.#sources.keys();
    if (this.#sources.size > MAX_SOURCES && oldest !== undefined) this.#sources.delete(oldest);
    return bucket;
  }
}

// A rate limit that allows bursts: so many at once, then so many a second.

interface BucketSize {
  readonly burst: number;
  readonly perSecond: number;
}

class TokenBucket {
  readonly #size: BucketSize;
  #tokens: number;
  #filledAt: Instant;

  constructor(size: BucketSize, now: Instant) {
    this.#size = size;
    this.#tokens = size.burst;
    this.#filledAt = now;
  }

  has(count: number, now: Instant): boolean {
    const gained = (Math.max(0, between(this.#filledAt, now)) / 1000) * this.#size.perSecond;
    this.#tokens = Math.min(this.#size.burst, this.#tokens + gained);
    this.#filledAt = now;
    return this.#tokens >= count;
  }

  take(count: number): void {
    this.#tokens -= count;
  }
}
