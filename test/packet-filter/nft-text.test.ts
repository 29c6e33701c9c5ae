import { describe, expect, it } from 'vitest';
import { ok, refused } from '../../src/base/result.ts';
import { instant, seconds } from '../../src/base/time.ts';
import { nftElement } from '../../src/packet-filter/nat1-elements.ts';
import { parseTableListing } from '../../src/packet-filter/nft-listing.ts';
import { nftSuccess, saysNotThere } from '../../src/packet-filter/nft-program.ts';
import { isInterfaceName, renderRuleset } from '../../src/packet-filter/nft-ruleset.ts';
import { renderTransaction } from '../../src/packet-filter/nft-transaction.ts';
import { openNftTable } from '../../src/packet-filter/open-nft-table.ts';
import { NftDouble, nftIsMissing } from '../doubles/nft-double.ts';

/** As nft 1.0.6 on Linux 6.18 printed it, one map and one rule of it. */
const LISTING = `{"nftables": [{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}},
 {"table": {"family": "inet", "name": "igd2pcp", "handle": 1}},
 {"map": {"family": "inet", "name": "in", "table": "igd2pcp", "type": ["ipv4_addr", "inet_proto", "inet_service"], "handle": 1,
  "map": "ipv4_addr . inet_service", "flags": ["timeout"], "elem": [[{"elem": {"val": {"concat": ["100.64.0.2", "tcp", 6881]},
  "timeout": 3600, "expires": 3599}}, {"concat": ["192.168.77.10", 6881]}]]}},
 {"map": {"family": "inet", "name": "hairpin_source", "table": "igd2pcp", "type": ["ipv4_addr", "inet_proto", "inet_service"],
  "handle": 5, "map": "ipv4_addr", "flags": ["timeout"], "elem": [[{"elem": {"val": {"concat": ["45.76.1.1", "udp", 6881]},
  "timeout": 3600, "expires": 3599}}, "45.76.1.1"]]}},
 {"rule": {"family": "inet", "table": "igd2pcp", "chain": "arrivals", "handle": 13, "expr": [{"match": {"op": "==",
  "left": {"meta": {"key": "iifname"}}, "right": "wan"}}]}}]}`;

const NO_DOORS = { interfaces: [], addresses: [], httpPorts: [] };

describe('what nft prints', () => {
  it('reads elements with the latest time they can have left', () => {
    const listing = parseTableListing(LISTING, instant(0));
    expect(listing.ok && [...listing.value.elements.values()]).toEqual([
      { element: nftElement('in', '100.64.0.2 . tcp . 6881', '192.168.77.10 . 6881'), until: 3_600_000 },
      { element: nftElement('hairpin_source', '45.76.1.1 . udp . 6881', '45.76.1.1'), until: 3_600_000 },
    ]);
  });

  it('knows protocols by their numbers, as nft writes them where /etc/protocols is missing, and ports 6 and 17 from them', () => {
    const numbers = LISTING.replace('"tcp", 6881', '6, 6').replace('"udp", 6881', '17, 17');
    const listing = parseTableListing(numbers, instant(0));
    expect(listing.ok && [...listing.value.elements.values()].map(({ element }) => element.id)).toEqual([
      'in 100.64.0.2 . tcp . 6',
      'hairpin_source 45.76.1.1 . udp . 17',
    ]);
  });

  it('compares rules without handles and elements', () => {
    const print = (text: string): string => {
      const listing = parseTableListing(text, instant(0));
      return listing.ok ? listing.value.rulesPrint : listing.error;
    };
    expect(print(LISTING.replace('"handle": 13', '"handle": 99').replace('6881]]', '6882]]'))).toBe(print(LISTING));
    expect(print(LISTING.replace('"right": "wan"', '"right": "lan"'))).not.toBe(print(LISTING));
  });

  it.each(['', 'Error: No such file or directory', '{"nftables": 3}', 'null', '7'])('refuses %j', (text) => {
    expect(parseTableListing(text, instant(0)).ok).toBe(false);
  });

  it('says in one line why it failed', () => {
    const stderr = '\n/dev/stdin:1:1-2: Error: Operation not permitted\nadd table\n^^^\n';
    expect(nftSuccess(ok({ exitCode: 1, stdout: '', stderr }))).toEqual(
      refused('nft failed: /dev/stdin:1:1-2: Error: Operation not permitted'),
    );
    expect(nftSuccess(ok({ exitCode: 3, stdout: '', stderr: '' }))).toEqual(
      refused('nft failed: exit code 3 without a word'),
    );
    expect(saysNotThere(ok({ exitCode: 0, stdout: '', stderr: 'No such file or directory' }))).toBe(false);
  });
});

describe('what nft is told', () => {
  it('writes one statement per line, ours before other NAT chains', () => {
    const script = renderRuleset({ wanInterface: 'eth0.2', hairpin: true, doors: NO_DOORS });
    expect(script).toContain('type nat hook prerouting priority dstnat - 5;');
    expect(script).toContain('type nat hook postrouting priority srcnat - 5;');
    expect(script.match(/add rule/g)).toHaveLength(7);
    const wrong = script.split('\n').filter((line) => !/^(add|flush) .*$|^$/.test(line));
    expect(wrong).toEqual([]);
  });

  it('asks the map for one remote host before the map for everybody', () => {
    const script = renderRuleset({ wanInterface: 'wan', hairpin: false, doors: NO_DOORS });
    expect(script.indexOf('map @in_from')).toBeLessThan(script.indexOf('map @in\n'));
    expect(script).not.toContain('map @hairpin');
  });

  it.each(['', 'wan" accept', 'a b', 'sixteen-letters-', 'x\ny', 'wan;'])(
    'takes no interface name that could end its string: %j',
    (name) => {
      expect(isInterfaceName(name)).toBe(false);
      expect(() => renderRuleset({ wanInterface: name, hairpin: false, doors: NO_DOORS })).toThrow(RangeError);
    },
  );

  it('drops answers of a PCP server that come from elsewhere, and what is sent to our doors from outside the LAN', () => {
    const doors = { interfaces: ['br-lan', 'br-guest'], addresses: ['192.168.1.1', '192.168.2.1'], httpPorts: [5000] };
    const script = renderRuleset({ wanInterface: 'wan', hairpin: false, doors });
    const outside = 'iifname != { "lo", "br-lan", "br-guest" } ip daddr { 192.168.1.1, 192.168.2.1 }';
    expect(script.split('\n').filter((line) => line.startsWith('add rule inet igd2pcp guard'))).toEqual([
      'add rule inet igd2pcp guard iifname != { "lo", "wan" } udp sport 5351 drop',
      'add rule inet igd2pcp guard iifname "wan" udp dport { 1900, 5351 } drop',
      `add rule inet igd2pcp guard ${outside} udp dport { 1900, 5351 } drop`,
      `add rule inet igd2pcp guard ${outside} tcp dport { 5000 } drop`,
    ]);
  });

  it('translates nothing before it is known which interface is external', () => {
    const script = renderRuleset({ wanInterface: undefined, hairpin: true, doors: NO_DOORS });
    expect(script).not.toContain('add rule');
    expect(script).toContain('flush chain inet igd2pcp arrivals');
  });

  it('removes before it adds, so that a value can be replaced in one transaction', () => {
    const element = nftElement('in', 'k', 'v');
    const timed = { element, until: instant(seconds(90)) };
    const script = renderTransaction(
      [
        { kind: 'add', timed },
        { kind: 'replace', timed },
      ],
      instant(0),
      true,
    );
    expect(script.split('\n').map((line) => line.split(' ')[0])).toEqual(['delete', 'add', 'add', '']);
  });
});

describe('the start', () => {
  const options = { wanInterface: 'wan', hairpin: false, doors: NO_DOORS };

  it.each([true, false])('finds out whether the kernel extends a timeout on add: %s', async (addExtends) => {
    const nft = new NftDouble();
    nft.addExtends = addExtends;
    const opened = await openNftTable(
      options,
      async (call) => nft.run(call),
      () => instant(0),
    );
    expect(opened.ok && opened.value.addExtends).toBe(addExtends);
    expect(nft.table?.maps.has('probe')).toBe(false);
  });

  it('throws a table of another make away', async () => {
    const nft = new NftDouble();
    nft.run({
      args: ['-f', '-'],
      input: 'add table inet igd2pcp\nadd map inet igd2pcp in { type ipv4_addr : verdict; }\n',
    });
    const opened = await openNftTable(
      options,
      async (call) => nft.run(call),
      () => instant(0),
    );
    expect(opened.ok).toBe(true);
    expect(nft.rules('departures')).toHaveLength(1);
  });

  it('says why it cannot start', async () => {
    const nft = new NftDouble();
    nft.broken = nftIsMissing;
    expect(
      await openNftTable(
        options,
        async (call) => nft.run(call),
        () => instant(0),
      ),
    ).toEqual(nftIsMissing);
  });
});
