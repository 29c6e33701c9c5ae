// [[policy.rule]]: who may map which ports; the first rule that matches decides. In the file a table, on the command
// line and in the environment one text in the order miniupnpd uses: "allow EXTERNAL-PORTS CLIENT INTERNAL-PORTS".

import { IpPrefix } from '../base/ip-prefix.ts';
import { type PortRange, parsePortRange, portNumber } from '../base/port-number.ts';
import { ok, type Result } from '../base/result.ts';
import { type Kind, type Misfit, misfit, mustBe } from './config-kind.ts';

export interface PolicyRule {
  readonly action: 'allow' | 'deny';
  readonly client: RuleClient;
  readonly externalPorts: PortRange;
  readonly internalPorts: PortRange;
}

export type RuleClient =
  | { readonly kind: 'anyone' }
  | { readonly kind: 'prefix'; readonly prefix: IpPrefix }
  /** Lower case, colons. */
  | { readonly kind: 'mac'; readonly mac: string };

const ALL_PORTS: PortRange = { first: portNumber(0), last: portNumber(65535) };

/** Every AddPortMapping walks the rules once. */
const MAX_RULES = 256;

const EXPECTED_CLIENT = 'an address, a prefix such as "192.168.1.0/24", a MAC address, or "any"';
const EXPECTED_PORTS = 'a port or a range such as "1024-65535"';
const EXPECTED_TEXT = 'a rule "allow|deny EXTERNAL-PORTS CLIENT INTERNAL-PORTS"';

const asAction = (value: unknown): PolicyRule['action'] | undefined =>
  value === 'allow' || value === 'deny' ? value : undefined;

function asClient(value: unknown): RuleClient | undefined {
  if (value === undefined || value === 'any') return { kind: 'anyone' };
  if (typeof value !== 'string') return undefined;
  if (/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(value)) {
    return { kind: 'mac', mac: value.toLowerCase().replaceAll('-', ':') };
  }
  const prefix = IpPrefix.parse(value);
  return prefix === undefined ? undefined : { kind: 'prefix', prefix };
}

function asPorts(value: unknown): PortRange | undefined {
  if (value === undefined || value === 'any') return ALL_PORTS;
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  return parsePortRange(String(value));
}

const RULE_KEYS = ['action', 'client', 'external_ports', 'internal_ports'] as const;

function ruleOf(value: unknown): Result<PolicyRule, Misfit> {
  if (typeof value !== 'object' || value === null) return misfit(mustBe('a [[policy.rule]] table', value));
  const table = new Map<string, unknown>(Object.entries(value));
  const stranger = [...table.keys()].find((key) => !RULE_KEYS.some((known) => known === key));
  if (stranger !== undefined) {
    return misfit(`is not a key of a rule; a rule has ${RULE_KEYS.join(', ')}`, [stranger]);
  }
  const action = asAction(table.get('action'));
  if (action === undefined) return misfit(mustBe('"allow" or "deny"', table.get('action') ?? 'absent'), ['action']);
  const client = asClient(table.get('client'));
  if (client === undefined) return misfit(mustBe(EXPECTED_CLIENT, table.get('client')), ['client']);
  const externalPorts = asPorts(table.get('external_ports'));
  if (externalPorts === undefined) {
    return misfit(mustBe(EXPECTED_PORTS, table.get('external_ports')), ['external_ports']);
  }
  const internalPorts = asPorts(table.get('internal_ports'));
  if (internalPorts === undefined) {
    return misfit(mustBe(EXPECTED_PORTS, table.get('internal_ports')), ['internal_ports']);
  }
  return ok({ action, client, externalPorts, internalPorts });
}

function ruleOfText(text: string): Result<PolicyRule, Misfit> {
  const [action, external, client, internal, ...rest] = text.trim().split(/\s+/);
  if (rest.length > 0) return misfit(mustBe(EXPECTED_TEXT, text));
  const rule = ruleOf({ action, external_ports: external, client, internal_ports: internal });
  return rule.ok ? rule : misfit(mustBe(EXPECTED_TEXT, text));
}

const portsText = ({ first, last }: PortRange): string => (first === last ? String(first) : `${first}-${last}`);

const clientText = (client: RuleClient): string => {
  if (client.kind === 'anyone') return 'any';
  return client.kind === 'mac' ? client.mac : client.prefix.toString();
};

const ruleText = (rule: PolicyRule): string =>
  `{ action = "${rule.action}", client = "${clientText(rule.client)}", ` +
  `external_ports = "${portsText(rule.externalPorts)}", internal_ports = "${portsText(rule.internalPorts)}" }`;

function all(
  given: readonly unknown[],
  read: (one: unknown) => Result<PolicyRule, Misfit>,
): Result<PolicyRule[], Misfit> {
  if (given.length > MAX_RULES) return misfit(`may have ${MAX_RULES} rules at most, not ${given.length}`);
  const rules: PolicyRule[] = [];
  for (const [index, one] of given.entries()) {
    const rule = read(one);
    if (!rule.ok) return misfit(rule.error.message, [index, ...rule.error.at]);
    rules.push(rule.value);
  }
  return ok(rules);
}

export const policyRules: Kind<readonly PolicyRule[]> = {
  placeholder: 'RULE',
  isRepeatable: true,
  expected: `a list, each ${EXPECTED_TEXT}`,
  fromFile: (value) => (Array.isArray(value) ? all(value, ruleOf) : misfit(mustBe('[[policy.rule]] tables', value))),
  fromTexts: (texts) => all(texts, (one) => ruleOfText(String(one))),
  split: (text) => text.split(';').filter((part) => part.trim() !== ''),
  show: (rules) => `[${rules.map(ruleText).join(', ')}]`,
};
