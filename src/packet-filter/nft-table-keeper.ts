// Keeps the kernel's table equal to what was asked for: one transaction per tick however many requests wait,
// and now and then a check whether somebody flushed it. A machine: says what nft shall do, is told what came of it.

import type { IpAddress } from '../base/ip-address.ts';
import type { Machine, Wake } from '../base/machine.ts';
import { ok, type Result, refused, unreachable } from '../base/result.ts';
import { after, type Duration, earlier, type Instant, seconds } from '../base/time.ts';
import type { Nat1Problem, Nat1Rule } from '../interworking/local-nat.ts';
import { Nat1Claims, ruleKey } from './nat1-claims.ts';
import { type NftCall, type NftOutcome, nftElements, nftListTable, nftScript, nftSuccess } from './nft-program.ts';
import { type RulesetOptions, renderFreshRuleset, renderRuleset, renderTableRemoval } from './nft-ruleset.ts';
import {
  applyChanges,
  changeFor,
  type ElementChange,
  isGone,
  renderTransaction,
  type TimedElement,
} from './nft-transaction.ts';
import type { OpenedTable } from './open-nft-table.ts';
import { type ClaimedRequest, claim, halves, type RequestId, type RuleRequest, takeBack } from './rule-requests.ts';
import {
  asBelieved,
  CheckTimes,
  glanceAtTable,
  readListing,
  rulesPrintSeen,
  whatWasWrong,
  wrongElements,
} from './table-looks.ts';

/** After a restart, elements of the earlier run wait this long for their mapping to be read and applied again. */
export const STRANGERS_STAY = seconds(60);

/** Finds two bad rules among a thousand; more of them are no accident of one client, and the rest is refused as a whole. */
const MOST_SPLITS = 32;

export type KeeperOutput =
  /** Exactly one at a time; its outcome goes to `handleNft`. */
  | { readonly kind: 'run nft'; readonly call: NftCall; readonly changes: number }
  | { readonly kind: 'settled'; readonly request: RequestId; readonly outcome: Result<void, Nat1Problem> }
  /** Somebody else changed our table and it was put right. */
  | { readonly kind: 'put back'; readonly what: string }
  | { readonly kind: 'nft failed'; readonly problem: Nat1Problem };

type Batch = readonly ClaimedRequest[];

type Work =
  | { readonly state: 'idle' }
  | { readonly state: 'glancing'; readonly batch: Batch }
  | { readonly state: 'looking'; readonly batch: Batch; readonly becauseOfGlance: boolean }
  | {
      readonly state: 'writing';
      readonly batch: Batch;
      readonly changes: readonly ElementChange[];
      readonly hasRules: boolean;
      /** Made from a listing taken a moment ago: looking again would not help. */
      readonly isRepair: boolean;
      readonly putBack: string | undefined;
    }
  | { readonly state: 'removing the table'; readonly request: RequestId }
  | { readonly state: 'closed' };

export class NftTableKeeper implements Machine<KeeperOutput> {
  #ruleset: RulesetOptions;
  /** What the kernel has of it. */
  #rules: 'as they should be' | 'older' | 'of no use' = 'as they should be';
  readonly #addExtends: boolean;
  /** How our rules list here; undefined after they were made anew: the next listing is the measure. */
  #rulesPrint: string | undefined;
  readonly #claims: Nat1Claims;
  readonly #strangersStayUntil: Instant;
  #areStrangersGone = false;
  #held: Map<string, TimedElement>;
  #work: Work = { state: 'idle' };
  #pending: RuleRequest[] = [];
  /** Parts of a transaction that nft refused, each to be tried by itself. */
  #parts: (readonly RuleRequest[])[] = [];
  #splitsLeft = MOST_SPLITS;
  #touched = new Set<string>();
  #mustLook = false;
  #removal: RequestId | undefined;
  #waitingSince: Instant | undefined;
  readonly #checkTimes: CheckTimes;
  #glances = 0;

  constructor(ruleset: RulesetOptions, opened: OpenedTable, wanAddress: IpAddress | undefined, now: Instant) {
    this.#ruleset = ruleset;
    this.#addExtends = opened.addExtends;
    this.#rulesPrint = opened.listing.rulesPrint;
    this.#held = new Map(opened.listing.elements);
    this.#claims = new Nat1Claims(ruleset.hairpin, wanAddress);
    this.#strangersStayUntil = after(now, STRANGERS_STAY);
    this.#checkTimes = new CheckTimes(now);
  }

  get elementCount(): number {
    return this.#held.size;
  }

  get ruleCount(): number {
    return this.#claims.size;
  }

  handleApply(request: RequestId, rule: Nat1Rule, validFor: Duration, now: Instant): readonly KeeperOutput[] {
    if (this.#claims.wanAddress === undefined)
      return [settled(request, refused('the WAN interface has no IPv4 address'))];
    const held = { rule, until: after(now, validFor) };
    return this.#wait({ id: request, wish: { key: ruleKey(rule), held } }, now);
  }

  handleRemove(request: RequestId, rule: Nat1Rule, now: Instant): readonly KeeperOutput[] {
    return this.#wait({ id: request, wish: { key: ruleKey(rule), held: undefined } }, now);
  }

  /** Rules are rewritten together with the elements that go with them; those that stay are not touched. */
  handleRuleset(ruleset: RulesetOptions, now: Instant): readonly KeeperOutput[] {
    if (renderRuleset(ruleset) === renderRuleset(this.#ruleset)) return [];
    this.#ruleset = ruleset;
    if (this.#rules === 'as they should be') this.#rules = 'older';
    this.#waitingSince ??= now;
    return [];
  }

  handleWanAddress(address: IpAddress, now: Instant): readonly KeeperOutput[] {
    if (this.#claims.wanAddress?.equals(address) === true) return [];
    this.#touch(this.#claims.moveTo(address));
    if (this.#touched.size > 0) this.#waitingSince ??= now;
    return [];
  }

  /** Looks at the kernel's table and puts right what is not as it should be. */
  handleCheck(request: RequestId, now: Instant): readonly KeeperOutput[] {
    this.#mustLook = true;
    return this.#wait({ id: request, wish: undefined }, now);
  }

  /** Removes our table; the last thing a keeper does. */
  handleFlush(request: RequestId, now: Instant): readonly KeeperOutput[] {
    if (this.#work.state === 'closed') return [settled(request, ok(undefined))];
    this.#removal = request;
    this.#waitingSince ??= now;
    return [];
  }

  nextWake(): Wake | undefined {
    if (this.#work.state !== 'idle') return undefined;
    const check = { at: this.#checkTimes.nextAt(this.#held.size), why: "compare the kernel's NAT table" };
    if (this.#waitingSince === undefined) return check;
    return { at: earlier(this.#waitingSince, check.at), why: `write ${this.#touched.size} NAT elements` };
  }

  handleTimeout(now: Instant): readonly KeeperOutput[] {
    if (this.#work.state !== 'idle') return [];
    if (this.#removal !== undefined) return this.#removeTable(this.#removal);
    const check = this.#mustLook ? 'look' : this.#checkTimes.due(this.#held.size, now);
    if (check === undefined && this.#waitingSince === undefined) return [];
    const part = this.#parts.shift();
    if (part !== undefined) {
      // The table was listed when the whole was refused: looking again would not help.
      return this.#write(this.#claim(part), this.#changesFor(this.#touched, now), ALONE, now);
    }
    this.#splitsLeft = MOST_SPLITS;
    const batch = this.#claim(this.#pending);
    this.#pending = [];
    this.#waitingSince = undefined;
    if (check === 'look') return this.#look(batch, now);
    return check === 'glance' ? this.#glance(batch, now) : this.#writeTouched(batch, now);
  }

  /** What came of the last 'run nft'. */
  handleNft(outcome: NftOutcome, now: Instant): readonly KeeperOutput[] {
    const work = this.#work;
    this.#work = { state: 'idle' };
    switch (work.state) {
      case 'glancing':
        return this.#glanced(work.batch, outcome, now);
      case 'looking':
        return this.#looked(work, outcome, now);
      case 'writing':
        return this.#wrote(work, outcome, now);
      case 'removing the table':
        this.#work = { state: 'closed' };
        return [settled(work.request, asNothing(nftSuccess(outcome)))];
      case 'idle':
      case 'closed':
        throw new Error('an outcome of nft that nobody asked for');
      default:
        return unreachable(work);
    }
  }

  #wait(request: RuleRequest, now: Instant): readonly KeeperOutput[] {
    if (this.#work.state === 'closed') return [settled(request.id, refused('the NAT table was given up'))];
    this.#pending.push(request);
    this.#waitingSince ??= now;
    return [];
  }

  #claim(requests: readonly RuleRequest[]): Batch {
    return claim(requests, this.#claims, (ids) => this.#touch(ids));
  }

  #touch(ids: Iterable<string>): void {
    for (const id of ids) this.#touched.add(id);
  }

  #glance(batch: Batch, now: Instant): readonly KeeperOutput[] {
    this.#forgetExpired(now);
    this.#checkTimes.glancing(this.#held.size, now);
    this.#glances += 1;
    this.#work = { state: 'glancing', batch };
    return [{ kind: 'run nft', call: glanceAtTable(this.#held, this.#glances, now), changes: 0 }];
  }

  #glanced(batch: Batch, outcome: NftOutcome, now: Instant): readonly KeeperOutput[] {
    const print = rulesPrintSeen(outcome, now);
    if (print === undefined || print !== (this.#rulesPrint ?? print)) return this.#look(batch, now, true);
    this.#rulesPrint = print;
    // Those of the earlier run are known from the start; later ones are seen in listings alone.
    if (!this.#areStrangersGone) this.#touchStrangers(now);
    return this.#writeTouched(batch, now);
  }

  #touchStrangers(now: Instant): void {
    if (now < this.#strangersStayUntil) return;
    this.#touch(this.#held.keys());
    this.#areStrangersGone = true;
  }

  #look(batch: Batch, now: Instant, becauseOfGlance = false): readonly KeeperOutput[] {
    this.#mustLook = false;
    this.#checkTimes.looking(this.#held.size, now);
    this.#work = { state: 'looking', batch, becauseOfGlance };
    return [{ kind: 'run nft', call: nftListTable(), changes: 0 }];
  }

  #looked(
    { batch, becauseOfGlance }: Work & { readonly state: 'looking' },
    outcome: NftOutcome,
    now: Instant,
  ): readonly KeeperOutput[] {
    const listing = readListing(outcome, now);
    if (!listing.ok) return this.#failed(batch, listing.error);
    const found = listing.value;
    const rulesAreOurs =
      found !== undefined && this.#rules !== 'of no use' && found.rulesPrint === (this.#rulesPrint ?? found.rulesPrint);
    this.#rulesPrint = rulesAreOurs ? found.rulesPrint : undefined;
    if (!rulesAreOurs) this.#rules = 'of no use';
    this.#forgetExpired(now);
    const believed = this.#held;
    // Rules are remade together with the table: a map of the wrong make cannot be mended in place.
    this.#held = rulesAreOurs ? asBelieved(found.elements, believed) : new Map<string, TimedElement>();
    this.#touch(this.#claims.ids());
    this.#touchStrangers(now);
    const changes = this.#changesFor(this.#touched, now);
    const putBack = whatWasWrong(found !== undefined, rulesAreOurs, wrongElements(changes, believed));
    if (becauseOfGlance && putBack === undefined) this.#checkTimes.misled(this.#held.size, now);
    return this.#write(batch, changes, { isRepair: true, putBack }, now);
  }

  #forgetExpired(now: Instant): void {
    this.#claims.dropExpired(now);
    for (const [id, timed] of this.#held) if (isGone(timed, now)) this.#held.delete(id);
  }

  #changesFor(ids: Iterable<string>, now: Instant): readonly ElementChange[] {
    const changes: ElementChange[] = [];
    for (const id of ids) {
      const change = changeFor(this.#held.get(id), this.#claims.wished(id, now), now);
      if (change !== undefined) changes.push(change);
    }
    return changes;
  }

  #writeTouched(batch: Batch, now: Instant): readonly KeeperOutput[] {
    return this.#write(batch, this.#changesFor(this.#touched, now), { isRepair: false, putBack: undefined }, now);
  }

  #write(
    batch: Batch,
    changes: readonly ElementChange[],
    purpose: { readonly isRepair: boolean; readonly putBack: string | undefined },
    now: Instant,
  ): readonly KeeperOutput[] {
    this.#touched.clear();
    const rules = this.#rulesToWrite();
    if (changes.length === 0 && rules === '') return batch.map(({ id }) => settled(id, ok(undefined)));
    this.#work = { state: 'writing', batch, changes, hasRules: rules !== '', ...purpose };
    const elements = renderTransaction(changes, now, this.#addExtends);
    // A repair trusts nothing that was there before, not even the nft that is kept.
    const isPlain = !purpose.isRepair && rules === '';
    const call = isPlain ? nftElements(elements) : nftScript(rules + elements);
    return [{ kind: 'run nft', call, changes: changes.length }];
  }

  #rulesToWrite(): string {
    if (this.#rules === 'as they should be') return '';
    return this.#rules === 'older' ? renderRuleset(this.#ruleset) : renderFreshRuleset(this.#ruleset);
  }

  #wrote(work: Work & { readonly state: 'writing' }, outcome: NftOutcome, now: Instant): readonly KeeperOutput[] {
    const success = nftSuccess(outcome);
    if (success.ok) {
      applyChanges(this.#held, work.changes);
      if (work.hasRules) {
        this.#rules = 'as they should be';
        this.#rulesPrint = undefined;
      }
      const news: KeeperOutput[] = work.putBack === undefined ? [] : [{ kind: 'put back', what: work.putBack }];
      return [...news, ...work.batch.map(({ id }) => settled(id, ok(undefined)))];
    }
    // The kernel's table is not what we thought: look, and try once more from what is really there.
    if (!work.isRepair) return this.#look(work.batch, now);
    // An nft that does not run fails at every part; one that runs says no to something in particular.
    if (outcome.ok && work.batch.length > 1 && this.#splitsLeft > 0) return this.#split(work.batch, now);
    return this.#failed(work.batch, success.error);
  }

  #split(batch: Batch, now: Instant): readonly KeeperOutput[] {
    this.#splitsLeft -= 1;
    this.#takeBack(batch);
    this.#parts.unshift(...halves(batch));
    this.#waitingSince ??= now;
    return [];
  }

  #failed(batch: Batch, problem: string): readonly KeeperOutput[] {
    this.#takeBack(batch);
    this.#checkTimes.mistrust();
    return [{ kind: 'nft failed', problem }, ...batch.map(({ id }) => settled(id, refused(problem)))];
  }

  /** Nothing half done: each rule is what it was, and what else was in the transaction is still to be written. */
  #takeBack(batch: Batch): void {
    takeBack(batch, this.#claims, (ids) => this.#touch(ids));
    this.#touch(this.#claims.ids());
  }

  #removeTable(request: RequestId): readonly KeeperOutput[] {
    const waiting = [...this.#parts.flat(), ...this.#pending];
    const abandoned = waiting.map(({ id }) => settled(id, refused('the NAT table was given up')));
    this.#parts = [];
    this.#pending = [];
    this.#work = { state: 'removing the table', request };
    return [...abandoned, { kind: 'run nft', call: nftScript(renderTableRemoval()), changes: 0 }];
  }
}

const ALONE = { isRepair: true, putBack: undefined } as const;

const settled = (request: RequestId, outcome: Result<void, Nat1Problem>): KeeperOutput => ({
  kind: 'settled',
  request,
  outcome,
});

const asNothing = (result: Result<string, string>): Result<void, string> => (result.ok ? ok(undefined) : result);
