import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { forwardingAdvice, openingRules, probeForwarding } from '../../src/packet-filter/firewall-probe.ts';

/** As `nft -j list ruleset` of nft 1.0.6 printed them. */
const ruleset = (name: string): string => readFileSync(new URL(`rulesets/${name}.json`, import.meta.url), 'utf8');

describe('whether the firewall lets DNATed packets in', () => {
  it.each([
    ['openwrt-fw4-without-dnat', 'dropped', 'inet fw4 forward'],
    ['debian-drop', 'dropped', 'inet filter forward'],
    // One chain that drops is enough, whatever another table accepts.
    ['two-tables', 'dropped', 'ip b f'],
    ['some-ports-only', 'uncertain', 'ip filter FORWARD'],
  ])('says of %s: %s, and by which chain', (name, kind, chain) => {
    const verdict = probeForwarding(ruleset(name), 'wan');
    expect(verdict).toMatchObject({ kind, chain });
    expect(forwardingAdvice(verdict)).toContain('ct status dnat accept');
  });

  it.each(['openwrt-fw4-with-dnat', 'debian-accept', 'debian-drop-with-dnat'])(
    'has nothing to say about %s',
    (name) => {
      const verdict = probeForwarding(ruleset(name), 'wan');
      expect(verdict).toEqual({ kind: 'passes' });
      expect(forwardingAdvice(verdict)).toBeUndefined();
    },
  );

  it.each([
    ['debian-drop', ['insert rule inet filter forward ct status dnat accept comment "igd2pcp"']],
    ['openwrt-fw4-without-dnat', ['insert rule inet fw4 forward ct status dnat accept comment "igd2pcp"']],
    ['debian-drop-with-dnat', []],
  ])('names the rule that %s lacks, in the table that drops', (name, lines) => {
    expect(openingRules(ruleset(name), 'wan')?.map(({ nft }) => nft)).toEqual(lines);
  });

  it('knows the chains of iptables, which nft is not to change', () => {
    expect(openingRules(ruleset('some-ports-only'), 'wan')).toMatchObject([
      { chain: 'ip filter FORWARD', isIptables: true },
    ]);
    expect(openingRules('no JSON', 'wan')).toBeUndefined();
  });

  it('takes another interface for the WAN when told so', () => {
    expect(probeForwarding(ruleset('two-tables'), 'ppp0')).toEqual({ kind: 'passes' });
  });

  it('passes where there is no firewall at all', () => {
    expect(probeForwarding('{"nftables": []}', 'wan')).toEqual({ kind: 'passes' });
  });

  it.each(['', 'Error: out of memory', '[]', '{"nftables": 3}'])('admits that it cannot read %j', (text) => {
    const verdict = probeForwarding(text, 'wan');
    expect(verdict).toEqual({ kind: 'unreadable' });
    expect(forwardingAdvice(verdict)).toContain('could not read');
  });
});
