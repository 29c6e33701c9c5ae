// One expression of a firewall rule, held against the packet we ask about: the first one of a connection that comes in
// on the WAN interface and was sent on by our DNAT rule. Whatever cannot be told beforehand is "maybe".

import { asObject } from './nft-listing.ts';

export interface Probe {
  readonly wanInterface: string;
}

export type Met = 'yes' | 'no' | 'maybe';

export type RuleVerdict =
  | { readonly kind: 'accept' | 'drop' | 'return' | 'uncertain' }
  | { readonly kind: 'jump'; readonly target: string }
  /** Counts, logs and the like: decides nothing. */
  | { readonly kind: 'none' };

type JsonObject = Readonly<Record<string, unknown>>;

/** Expressions that neither match nor decide. */
const WITHOUT_EFFECT = new Set(['counter', 'log', 'mangle', 'notrack', 'flow', 'ct helper', 'ct timeout']);

/** Undefined when the expression is a condition. */
export function verdictOf(expression: JsonObject, probe: Probe): RuleVerdict | undefined {
  if ('accept' in expression) return { kind: 'accept' };
  if ('drop' in expression || 'reject' in expression) return { kind: 'drop' };
  if ('return' in expression) return { kind: 'return' };
  const target = asObject(expression['jump'] ?? expression['goto'])?.['target'];
  if (target !== undefined) return { kind: 'jump', target: String(target) };
  const vmap = asObject(expression['vmap']);
  if (vmap !== undefined) return verdictByMap(vmap, probe);
  // iptables' own matches and targets: shown by name only.
  if ('xt' in expression || 'queue' in expression) return { kind: 'uncertain' };
  return Object.keys(expression).every((key) => WITHOUT_EFFECT.has(key)) ? { kind: 'none' } : undefined;
}

export function condition(expression: JsonObject, probe: Probe): Met {
  const match = asObject(expression['match']);
  if (match === undefined) return 'maybe';
  const wanted = wantedValues(match['right']);
  if (wanted === undefined) return 'maybe';
  const met = isMet(match['left'], wanted, probe);
  if (met === 'maybe' || match['op'] !== '!=') return met;
  return met === 'yes' ? 'no' : 'yes';
}

function isMet(left: unknown, wanted: readonly string[], probe: Probe): Met {
  // It goes inwards: not out where it came in. Where to, depends on the mapping.
  if (isMeta(left, 'oifname')) return wanted.every((name) => isWanted(name, probe.wanInterface)) ? 'no' : 'maybe';
  const known = knownValues(left, probe);
  if (known === undefined) return 'maybe';
  const hits = known.filter((value) => wanted.some((candidate) => isWanted(candidate, value)));
  if (hits.length === 0) return 'no';
  return hits.length === known.length ? 'yes' : 'maybe';
}

/** A verdict map over something known, such as "ct state vmap { established : accept }". */
function verdictByMap(vmap: JsonObject, probe: Probe): RuleVerdict {
  const known = knownValues(vmap['key'], probe);
  const set = asObject(vmap['data'])?.['set'];
  if (known === undefined || !Array.isArray(set)) return { kind: 'uncertain' };
  for (const pair of set) {
    if (!Array.isArray(pair)) continue;
    const [value, verdict] = pair as readonly unknown[];
    const chosen = asObject(verdict);
    if (known.some((each) => isWanted(String(value), each)) && chosen !== undefined)
      return verdictOf(chosen, probe) ?? { kind: 'uncertain' };
  }
  return { kind: 'none' };
}

const isMeta = (left: unknown, key: string): boolean => asObject(asObject(left)?.['meta'])?.['key'] === key;

/** What the packet may be: both protocols are mapped. Undefined: not known beforehand. */
function knownValues(left: unknown, probe: Probe): readonly string[] | undefined {
  if (isMeta(left, 'iifname')) return [probe.wanInterface];
  if (isMeta(left, 'nfproto')) return ['ipv4'];
  if (isMeta(left, 'l4proto')) return ['tcp', 'udp'];
  switch (asObject(asObject(left)?.['ct'])?.['key']) {
    case 'state':
      return ['new'];
    case 'status':
      return ['dnat'];
    case 'direction':
      return ['original'];
    default:
      return undefined;
  }
}

function wantedValues(right: unknown): readonly string[] | undefined {
  if (typeof right === 'string' || typeof right === 'number')
    return right.toString().startsWith('@') ? undefined : [String(right)];
  const list = Array.isArray(right) ? right : (asObject(right)?.['set'] ?? asObject(right)?.['|']);
  if (!Array.isArray(list)) return undefined;
  return list.every((value) => typeof value === 'string' || typeof value === 'number') ? list.map(String) : undefined;
}

/** Interface names may end in a star. */
const isWanted = (wanted: string, value: string): boolean =>
  wanted === value || (wanted.endsWith('*') && value.startsWith(wanted.slice(0, -1)));
