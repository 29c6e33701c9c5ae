// Keeps the kernel's table equal to what was asked for: one transaction per tick however many requests wait,
// and now and then a check whether somebody flushed it. A machine: says what nft shall do, is told what came of it.

import type { IpAddress } from '../base/ip-address.ts';
import type { Machine, Wake } from '../base/machine.ts';
import { ok, type Result, refused, unreachable } from '../base/result.ts';
import { after, type Duration, earlier, type Instant, seconds } from '../base/time.ts';
import { CheckTimes } from './check-times.ts';
import type { Nat1Problem, Nat1Rule } from './local-nat.ts';
import { type HeldRule, Nat1Claims, type RuleKey, ruleKey } from './nat1-claims.ts';
import { type NftCall, type NftOutcome, nftElements, nftListTable, nftScript, nftSuccess } from './nft-program.ts';
import { type RulesetOptions, renderFreshRuleset, renderTableRemoval } from './nft-ruleset.ts';
import {
  applyChanges,
  changeFor,
  type ElementChange,
  renderTransaction,
  type TimedElement,
} from './nft-transaction.ts';
import type { OpenedTable } from './open-nft-table.ts';
import { asBelieved, readListing, whatWasWrong, wrongElements } from './table-comparison.ts';
import { glanceAtTable, rulesPrintSeen } from './table-glance.ts';

/** After a restart, elements of the earlier run wait this long for their mapping to be read and applied again. */
export const STRANGERS_STAY = seconds(60);

export type RequestId = number;

export type KeeperOutput =
  /** Exactly one at a time; its outcome goes to `handleNft`. */
  | { readonly kind: 'run nft'; readonly call: NftCall; readonly changes: number }
  | { readonly kind: 'settled'; readonly request: RequestId; readonly outcome: Result<void, Nat1Problem> }
  /** Somebody else changed our table and it was put right. */
  | { readonly kind: 'put back'; readonly what: string }
  | { readonly kind: 'nft failed'; readonly problem: Nat1Problem };

/** A request that waits for the kernel; one that set a rule, with what to return to when the kernel says no. */
interface Pending {
  readonly id: RequestId;
  readonly undo: { readonly key: RuleKey; readonly set: HeldRule; readonly before: HeldRule | undefined } | undefined;
}

type Work =
  | { readonly state: 'idle' }
  | { readonly state: 'glancing'; readonly batch: readonly Pending[] }
  | { readonly state: 'looking'; readonly batch: readonly Pending[]; readonly becauseOfGlance: boolean }
  | {
      readonly state: 'writing';
      readonly batch: readonly Pending[];
      readonly changes: readonly ElementChange[];
      /** Made from a listing taken a moment ago: looking again would not help. */
      readonly isRepair: boolean;
      readonly putBack: string | undefined;
    }
  | { readonly state: 'removing the table'; readonly request: RequestId }
  | { readonly state: 'closed' };

export class NftTableKeeper implements Machine<KeeperOutput> {
  readonly #ruleset: RulesetOptions;
  readonly #addExtends: boolean;
  /** How our rules list here; undefined after they were made anew: the next listing is the measure. */
  #rulesPrint: string | undefined;
  readonly #claims: Nat1Claims;
  readonly #strangersStayUntil: Instant;
  #areStrangersGone = false;
  #held: Map<string, TimedElement>;
  #work: Work = { state: 'idle' };
  #pending: Pending[] = [];
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
    const key = ruleKey(rule);
    const before = this.#claims.get(key);
    const set: HeldRule = { rule, until: after(now, validFor) };
    this.#touch(this.#claims.set(key, set));
    return this.#wait({ id: request, undo: { key, set, before } }, now);
  }

  handleRemove(request: RequestId, rule: Nat1Rule, now: Instant): readonly KeeperOutput[] {
    this.#touch(this.#claims.set(ruleKey(rule), undefined));
    // When the kernel does not do it now, the next check removes what nobody claims any more.
    return this.#wait({ id: request, undo: undefined }, now);
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
    return this.#wait({ id: request, undo: undefined }, now);
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
    const batch = this.#pending;
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

  #wait(pending: Pending, now: Instant): readonly KeeperOutput[] {
    if (this.#work.state === 'closed') return [settled(pending.id, refused('the NAT table was given up'))];
    this.#pending.push(pending);
    this.#waitingSince ??= now;
    return [];
  }

  #touch(ids: Iterable<string>): void {
    for (const id of ids) this.#touched.add(id);
  }

  #glance(batch: readonly Pending[], now: Instant): readonly KeeperOutput[] {
    this.#forgetExpired(now);
    this.#checkTimes.glancing(this.#held.size, now);
    this.#glances += 1;
    this.#work = { state: 'glancing', batch };
    return [{ kind: 'run nft', call: glanceAtTable(this.#held, this.#glances, now), changes: 0 }];
  }

  #glanced(batch: readonly Pending[], outcome: NftOutcome, now: Instant): readonly KeeperOutput[] {
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

  #look(batch: readonly Pending[], now: Instant, becauseOfGlance = false): readonly KeeperOutput[] {
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
    const rulesAreOurs = found !== undefined && found.rulesPrint === (this.#rulesPrint ?? found.rulesPrint);
    this.#rulesPrint = rulesAreOurs ? found.rulesPrint : undefined;
    this.#forgetExpired(now);
    const believed = this.#held;
    // Rules are remade together with the table: a map of the wrong make cannot be mended in place.
    this.#held = rulesAreOurs ? asBelieved(found.elements, believed) : new Map<string, TimedElement>();
    this.#touch(this.#claims.ids());
    this.#touchStrangers(now);
    const changes = this.#changesFor(this.#touched, now);
    const putBack = whatWasWrong(found !== undefined, rulesAreOurs, wrongElements(changes, believed));
    if (becauseOfGlance && putBack === undefined) this.#checkTimes.misled(this.#held.size, now);
    const rules = rulesAreOurs ? '' : renderFreshRuleset(this.#ruleset);
    return this.#write(batch, changes, { isRepair: true, putBack }, now, rules);
  }

  #forgetExpired(now: Instant): void {
    this.#claims.dropExpired(now);
    for (const [id, { until }] of this.#held) if (until <= now) this.#held.delete(id);
  }

  #changesFor(ids: Iterable<string>, now: Instant): readonly ElementChange[] {
    const changes: ElementChange[] = [];
    for (const id of ids) {
      const change = changeFor(this.#held.get(id), this.#claims.wished(id, now), now);
      if (change !== undefined) changes.push(change);
    }
    return changes;
  }

  #writeTouched(batch: readonly Pending[], now: Instant): readonly KeeperOutput[] {
    return this.#write(batch, this.#changesFor(this.#touched, now), { isRepair: false, putBack: undefined }, now);
  }

  #write(
    batch: readonly Pending[],
    changes: readonly ElementChange[],
    purpose: { readonly isRepair: boolean; readonly putBack: string | undefined },
    now: Instant,
    rules = '',
  ): readonly KeeperOutput[] {
    this.#touched.clear();
    if (changes.length === 0 && rules === '') return batch.map(({ id }) => settled(id, ok(undefined)));
    this.#work = { state: 'writing', batch, changes, ...purpose };
    const elements = renderTransaction(changes, now, this.#addExtends);
    // A repair trusts nothing that was there before, not even the nft that is kept.
    const call = purpose.isRepair ? nftScript(rules + elements) : nftElements(elements);
    return [{ kind: 'run nft', call, changes: changes.length }];
  }

  #wrote(work: Work & { readonly state: 'writing' }, outcome: NftOutcome, now: Instant): readonly KeeperOutput[] {
    const success = nftSuccess(outcome);
    if (success.ok) {
      applyChanges(this.#held, work.changes);
      const news: KeeperOutput[] = work.putBack === undefined ? [] : [{ kind: 'put back', what: work.putBack }];
      return [...news, ...work.batch.map(({ id }) => settled(id, ok(undefined)))];
    }
    // The kernel's table is not what we thought: look, and try once more from what is really there.
    if (!work.isRepair) return this.#look(work.batch, now);
    return this.#failed(work.batch, success.error);
  }

  /** Nothing half done: each rule goes back to what it was, newest change first. */
  #failed(batch: readonly Pending[], problem: string): readonly KeeperOutput[] {
    for (const { undo } of [...batch].reverse()) if (undo !== undefined) this.#undo(undo);
    // What later requests want may have been in the same transaction: it is still to be written.
    this.#touch(this.#claims.ids());
    this.#checkTimes.mistrust();
    return [{ kind: 'nft failed', problem }, ...batch.map(({ id }) => settled(id, refused(problem)))];
  }

  #undo({ key, set, before }: Pending['undo'] & object): void {
    if (this.#claims.get(key) === set) {
      this.#touch(this.#claims.set(key, before));
      return;
    }
    // A later request has set the rule anew: should that one fail too, it must not return to what failed here.
    this.#pending = this.#pending.map((pending) =>
      pending.undo?.before === set ? { ...pending, undo: { ...pending.undo, before } } : pending,
    );
  }

  #removeTable(request: RequestId): readonly KeeperOutput[] {
    const abandoned = this.#pending.map(({ id }) => settled(id, refused('the NAT table was given up')));
    this.#pending = [];
    this.#work = { state: 'removing the table', request };
    return [...abandoned, { kind: 'run nft', call: nftScript(renderTableRemoval()), changes: 0 }];
  }
}

const settled = (request: RequestId, outcome: Result<void, Nat1Problem>): KeeperOutput => ({
  kind: 'settled',
  request,
  outcome,
});

const asNothing = (result: Result<string, string>): Result<void, string> => (result.ok ? ok(undefined) : result);
