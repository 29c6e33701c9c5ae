// Reads this box's whole ruleset (`nft -j list ruleset`) and says whether packets that our table sends inwards will be
// let through its forward chains. It never changes them: forwarding is the firewall's business.

import { condition, type Probe, verdictOf } from './firewall-rule.ts';
import { asObject, nftObjects } from './nft-listing.ts';

export type FirewallVerdict =
  | { readonly kind: 'passes' }
  | { readonly kind: 'dropped'; readonly chain: string; readonly why: string }
  /** The ruleset matches on things that cannot be told beforehand. */
  | { readonly kind: 'uncertain'; readonly chain: string; readonly why: string }
  | { readonly kind: 'unreadable' };

type Obstacle = Extract<FirewallVerdict, { chain: string }>;

export interface OpeningRule {
  /** Family, table and name. */
  readonly chain: string;
  /** For `nft -f`. */
  readonly nft: string;
  readonly isIptables: boolean;
}

type JsonObject = Readonly<Record<string, unknown>>;
type Outcome = 'accept' | 'drop' | 'return' | 'uncertain';

interface Ruleset {
  readonly chains: readonly JsonObject[];
  readonly rulesOf: ReadonlyMap<string, readonly JsonObject[]>;
}

/** More nested than any firewall seen; a ring of jumps cannot be loaded into the kernel anyway. */
const DEEPEST_JUMP = 16;

export function probeForwarding(rulesetJson: string, wanInterface: string): FirewallVerdict {
  const obstacles = obstaclesIn(rulesetJson, wanInterface);
  if (obstacles === undefined) return { kind: 'unreadable' };
  // Every chain at the hook is asked: one that drops is enough, whatever the others say.
  return obstacles.find(({ kind }) => kind === 'dropped') ?? obstacles[0] ?? { kind: 'passes' };
}

/** The rules that let our packets pass: one for each chain in their way. Undefined: the ruleset could not be read. */
export function openingRules(rulesetJson: string, wanInterface: string): readonly OpeningRule[] | undefined {
  return obstaclesIn(rulesetJson, wanInterface)?.map(({ chain }) => ({
    chain,
    nft: `insert rule ${chain} ct status dnat accept comment "igd2pcp"`,
    // What iptables made, nft may list but should not change: its owner would not keep the rule.
    isIptables: chain.endsWith(' FORWARD'),
  }));
}

function obstaclesIn(rulesetJson: string, wanInterface: string): readonly Obstacle[] | undefined {
  const ruleset = readRuleset(rulesetJson);
  return ruleset?.chains.flatMap((chain): Obstacle[] => {
    const isForwarding = chain['hook'] === 'forward' && ['inet', 'ip'].includes(String(chain['family']));
    if (!isForwarding) return [];
    const name = chainName(chain);
    const outcome = walk(ruleset, chain, { wanInterface }, 0);
    const policy = outcome === 'return' && chain['policy'] === 'drop' ? 'drop' : outcome;
    if (policy === 'drop') return [{ kind: 'dropped', chain: name, why: dropReason(outcome) }];
    const why = 'it lets through only what some of its rules allow';
    return policy === 'uncertain' ? [{ kind: 'uncertain', chain: name, why }] : [];
  });
}

/** For the log and the doctor; undefined when there is nothing to say. */
export function forwardingAdvice(verdict: FirewallVerdict): string | undefined {
  switch (verdict.kind) {
    case 'passes':
      return undefined;
    case 'dropped':
      return (
        `the firewall will drop what comes in through mapped ports: chain "${verdict.chain}" ${verdict.why}. ` +
        'Add to it, before what drops: ct status dnat accept ("igd2pcp firewall" prints the whole line)'
      );
    case 'uncertain':
      return (
        `the firewall may drop what comes in through mapped ports: chain "${verdict.chain}": ${verdict.why}. ` +
        'If connections do not get through, add to it: ct status dnat accept'
      );
    case 'unreadable':
      return 'could not read the firewall ruleset; mapped ports need "ct status dnat accept" in its forward chain';
  }
}

function readRuleset(json: string): Ruleset | undefined {
  const objects = nftObjects(json);
  if (objects === undefined) return undefined;
  const chains: JsonObject[] = [];
  const rulesOf = new Map<string, JsonObject[]>();
  for (const object of objects) {
    const chain = asObject(object['chain']);
    if (chain !== undefined) chains.push(chain);
    const rule = asObject(object['rule']);
    if (rule === undefined) continue;
    const key = ruleHome(rule, String(rule['chain']));
    const rules = rulesOf.get(key);
    if (rules === undefined) rulesOf.set(key, [rule]);
    else rules.push(rule);
  }
  return { chains, rulesOf };
}

const ruleHome = (from: JsonObject, chain: string): string =>
  `${String(from['family'])} ${String(from['table'])} ${chain}`;
const chainName = (chain: JsonObject): string => ruleHome(chain, String(chain['name']));
const dropReason = (outcome: Outcome): string =>
  outcome === 'return' ? 'has the policy "drop"' : 'has a rule that does';

/** What becomes of a new, DNATed connection from the WAN in this chain; "return": it falls off the end. */
function walk(ruleset: Ruleset, chain: JsonObject, probe: Probe, depth: number): Outcome {
  let mayHaveLeft = false;
  for (const rule of ruleset.rulesOf.get(chainName(chain)) ?? []) {
    const outcome = ruleOutcome(ruleset, rule, chain, probe, depth);
    if (outcome === 'return') return mayHaveLeft ? 'uncertain' : 'return';
    if (outcome === 'drop') return mayHaveLeft ? 'uncertain' : 'drop';
    if (outcome === 'accept') return 'accept';
    if (outcome === 'uncertain') mayHaveLeft = true;
  }
  const endsInDrop = chain['policy'] === 'drop';
  return mayHaveLeft && (endsInDrop || depth > 0) ? 'uncertain' : 'return';
}

/** 'next': the rule does not decide. */
function ruleOutcome(
  ruleset: Ruleset,
  rule: JsonObject,
  chain: JsonObject,
  probe: Probe,
  depth: number,
): Outcome | 'next' {
  const expressions = (Array.isArray(rule['expr']) ? rule['expr'] : []).map(asObject).filter((e) => e !== undefined);
  const verdicts = expressions.map((expression) => verdictOf(expression, probe));
  const conditions = expressions.filter((_, i) => verdicts[i] === undefined).map((each) => condition(each, probe));
  const verdict = verdicts.find((each) => each !== undefined && each.kind !== 'none');
  if (verdict === undefined || conditions.includes('no')) return 'next';
  const outcome = verdict.kind === 'jump' ? jump(ruleset, chain, verdict.target, probe, depth) : verdict.kind;
  if (outcome === 'next' || !conditions.includes('maybe')) return outcome;
  // A rule that may drop some packets (a blocklist) is no reason to warn; one that may let some in is not enough.
  return outcome === 'drop' ? 'next' : 'uncertain';
}

function jump(ruleset: Ruleset, from: JsonObject, target: string, probe: Probe, depth: number): Outcome | 'next' {
  const home = ruleHome(from, target);
  const chain = ruleset.chains.find((candidate) => chainName(candidate) === home);
  if (chain === undefined || depth >= DEEPEST_JUMP) return 'uncertain';
  const outcome = walk(ruleset, chain, probe, depth + 1);
  return outcome === 'return' ? 'next' : outcome;
}
