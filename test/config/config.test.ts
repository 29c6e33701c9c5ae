import { describe, expect, it } from 'vitest';
import { minutes, seconds } from '../../src/base/time.ts';
import { CONFIG_OPTIONS, environmentName } from '../../src/config/config.ts';
import { configProblemText } from '../../src/config/config-problem.ts';
import { type ConfigSources, changedKeys, readConfig, valueIn } from '../../src/config/config-reader.ts';

const read = (sources: Partial<ConfigSources>) =>
  readConfig({ args: new Map(), env: {}, fileName: '/etc/igd2pcp.toml', purpose: 'command', ...sources });

function configOf(sources: Partial<ConfigSources>) {
  const config = read(sources);
  if (!config.ok) throw new Error(config.error.map(configProblemText).join('\n'));
  return config.value;
}

function problemsOf(sources: Partial<ConfigSources>): readonly string[] {
  const config = read(sources);
  return config.ok ? [] : config.error.map(configProblemText);
}

describe('readConfig', () => {
  it('gives the defaults when nothing is said', () => {
    const config = configOf({});
    expect(config.lan.httpPort).toBe(5000);
    expect(config.pcp.answerWithin).toBe(seconds(4));
    expect(config.pcp.servers).toEqual([{ kind: 'auto' }]);
    expect(config.wan.nat).toBe('none');
    expect(config.policy.rules).toEqual([]);
    expect(config.hosts.grace).toBe(minutes(10));
  });

  it('lets flags beat the environment, and the environment beat the file', () => {
    const fileText = '[lan]\nhttp_port = 1111\nigd = "2"\nfriendly_name = "From the file"\n';
    const env = { IGD2PCP_HTTP_PORT: '2222', IGD2PCP_IGD: '1' };
    const config = configOf({ fileText, env, args: new Map([['http-port', ['3333']]]) });
    expect(config.lan).toMatchObject({ httpPort: 3333, igd: '1', friendlyName: 'From the file' });
  });

  it('reads nested lists of servers, with names, ports and IPv6', () => {
    const fileText =
      '[pcp]\nservers = ["auto", ["192.0.2.1", "2001:db8::1"], "pcp.example.net:5999", "[2001:db8::2]:5999"]\n';
    expect(configOf({ fileText }).pcp.servers).toEqual([
      { kind: 'auto' },
      {
        kind: 'server',
        addresses: [
          { host: '192.0.2.1', port: 5351 },
          { host: '2001:db8::1', port: 5351 },
        ],
      },
      { kind: 'server', addresses: [{ host: 'pcp.example.net', port: 5999 }] },
      { kind: 'server', addresses: [{ host: '2001:db8::2', port: 5999 }] },
    ]);
  });

  it('reads link-local servers with their interface, and only so', () => {
    const fileText = '[pcp]\nservers = ["fe80::1%wan", "[fe80::2%pppoe-wan]:5999"]\n';
    expect(configOf({ fileText }).pcp.servers).toEqual([
      { kind: 'server', addresses: [{ host: 'fe80::1', port: 5351, interfaceName: 'wan' }] },
      { kind: 'server', addresses: [{ host: 'fe80::2', port: 5999, interfaceName: 'pppoe-wan' }] },
    ]);
    expect(problemsOf({ fileText: '[pcp]\nservers = ["fe80::1"]\n' }).join()).toContain('"fe80::1%INTERFACE"');
  });

  it('reads repeated flags as one list, a comma joining the addresses of one server', () => {
    const args = new Map([
      ['pcp-server', ['192.0.2.1,192.0.2.2', 'auto']],
      ['lan', ['br-lan', '192.168.7.1']],
    ]);
    const config = configOf({ args });
    expect(config.pcp.servers).toHaveLength(2);
    expect(config.lan.interfaces).toEqual(['br-lan', '192.168.7.1']);
  });

  it('reads lists in the environment between blanks or commas', () => {
    expect(configOf({ env: { IGD2PCP_LAN: 'br-lan, br-guest' } }).lan.interfaces).toEqual(['br-lan', 'br-guest']);
    expect(configOf({ env: { IGD2PCP_PCP_SERVER: '192.0.2.1,192.0.2.2 auto' } }).pcp.servers).toHaveLength(2);
  });

  it('reads [[policy.rule]] blocks and the same as a flag', () => {
    const fileText = `
[[policy.rule]]
action = "deny"
client = "AA-BB-CC-00-11-22"
[[policy.rule]]
action = "allow"
client = "192.168.1.0/24"
external_ports = "1024-65535"
internal_ports = 22
`;
    const fromFile = configOf({ fileText }).policy.rules;
    expect(fromFile[0]?.client).toEqual({ kind: 'mac', mac: 'aa:bb:cc:00:11:22' });
    expect(fromFile[1]?.internalPorts).toEqual({ first: 22, last: 22 });
    const fromFlag = configOf({ args: new Map([['rule', ['allow 1024-65535 192.168.1.0/24 22']]]) }).policy.rules;
    expect(fromFlag).toEqual([fromFile[1]]);
  });

  it('names file, line, key and mend of everything wrong at once', () => {
    const fileText = `[lan]
interfaces = ["br-lan", "0.0.0.0"]
htp_port = 5000

[pcp]
answer_within = 4
probe = "yes"

[[policy.rule]]
action = "allow"

[[policy.rule]]
action = "allow"
client = "192.168.1.0/33"

[wann]
nat = "none"
`;
    expect(problemsOf({ fileText })).toEqual([
      '/etc/igd2pcp.toml:3: lan.htp_port is unknown; did you mean lan.http_port?',
      '/etc/igd2pcp.toml:17: wann.nat is unknown; did you mean wan.nat?',
      '/etc/igd2pcp.toml:2: lan.interfaces, item 2 must be an interface name such as "br-lan", or one address of this box (never 0.0.0.0 or ::), not "0.0.0.0"',
      '/etc/igd2pcp.toml:6: pcp.answer_within must be a duration such as "4s" or "1h30m", from 500ms to 30s, not 4',
      '/etc/igd2pcp.toml:7: pcp.probe must be one of "off", "rfc", not "yes"',
      '/etc/igd2pcp.toml:14: policy.rule, item 2, client must be an address, a prefix such as "192.168.1.0/24", a MAC address, or "any", not "192.168.1.0/33"',
    ]);
  });

  it('says which line is not TOML', () => {
    expect(problemsOf({ fileText: '[lan]\nhttp_port = = 5\n' })[0]).toMatch(/^\/etc\/igd2pcp\.toml:2: is not TOML: /);
  });

  it('names the flag or the variable where one of them is wrong', () => {
    expect(problemsOf({ args: new Map([['http-port', ['99999']]]), env: { IGD2PCP_IGD: '3' } })).toEqual([
      '--http-port: lan.http_port must be a port from 0 to 65535, not "99999"',
      'IGD2PCP_IGD: lan.igd must be one of "auto", "1", "2", not "3"',
    ]);
  });

  it('refuses nat = "none" without a trusted PCP network (IWF-63, RFC 6970 §6), but not in a demo', () => {
    const fileText = '[lan]\ninterfaces = ["br-lan"]\n';
    expect(problemsOf({ fileText, purpose: 'run' })[0]).toMatch(
      /^\/etc\/igd2pcp\.toml: pcp\.trusted must be true with wan\.nat/,
    );
    expect(problemsOf({ fileText: `${fileText}[pcp]\ntrusted = true\n`, purpose: 'run' })).toEqual([]);
    expect(problemsOf({ purpose: 'demo' })).toEqual([]);
  });

  it('refuses to run without a LAN, or with the WAN as a LAN', () => {
    expect(problemsOf({ fileText: '[wan]\nnat = "nftables"\n', purpose: 'run' })[0]).toContain(
      'lan.interfaces must name',
    );
    const fileText = '[wan]\nnat = "nftables"\ninterface = "eth0"\n[lan]\ninterfaces = ["eth0"]\n';
    expect(problemsOf({ fileText, purpose: 'run' })).toEqual([
      '/etc/igd2pcp.toml:5: lan.interfaces must not hold the external interface "eth0": strangers are not served',
    ]);
  });

  it.each([
    ['admin.listen on the LAN port', '[admin]\nlisten = "0.0.0.0:5000"\n', 'admin.listen must not use port 5000'],
    ['a share above the whole', '[policy]\nmax_mappings = 10\n', 'policy.max_mappings_per_client must not be more'],
    ['an unknown empty section', '[extra]\n', 'extra is unknown; the sections are [lan]'],
    ['a value where a section belongs', 'lan = 3\n', 'lan is unknown; [lan] has interfaces'],
    [
      'a rule with a strange key',
      '[[policy.rule]]\naction="allow"\nport="1"\n',
      ':3: policy.rule, item 1, port is not a key',
    ],
    ['a rule without an action', '[[policy.rule]]\nclient="any"\n', 'action must be "allow" or "deny"'],
    ['a list that is none', '[lan]\ninterfaces="br-lan"\n', 'must be a list in [ ]'],
    ['a multicast server', '[pcp]\nservers=["224.0.0.1"]\n', 'pcp.servers, item 1 must be "auto"'],
    ['a relative path', '[state]\ndirectory="state"\n', 'must be an absolute path, not "state"'],
  ])('refuses %s', (_, fileText, expected) => {
    expect(problemsOf({ fileText, purpose: 'demo' }).join('\n')).toContain(expected);
  });

  it('ignores variables that only look like ours: Kubernetes sets IGD2PCP_PORT for a service of our name', () => {
    expect(problemsOf({ env: { IGD2PCP_PORT: 'tcp://10.0.0.1:80' } })).toEqual([]);
  });

  it('names the keys that a reload changes', () => {
    const before = configOf({});
    const now = configOf({ fileText: '[lan]\nhttp_port = 5001\n[log]\nlevel = "debug"\n' });
    expect(changedKeys(before, now)).toEqual(['lan.http_port', 'log.level']);
    expect(changedKeys(before, before)).toEqual([]);
  });
});

describe('CONFIG_OPTIONS', () => {
  it('has every key and every flag once', () => {
    expect(new Set(CONFIG_OPTIONS.map((row) => row.key)).size).toBe(CONFIG_OPTIONS.length);
    expect(new Set(CONFIG_OPTIONS.map((row) => row.flag)).size).toBe(CONFIG_OPTIONS.length);
  });

  it('shows every default so that the file reads it back as the same', () => {
    const standard = configOf({});
    for (const row of CONFIG_OPTIONS) {
      const [section, name] = row.key.split('.');
      const shown = (row.kind as { show(value: unknown): string }).show(row.standard);
      const again = configOf({ fileText: `[${section}]\n${name} = ${shown}\n` });
      expect(changedKeys(standard, again), row.key).toEqual([]);
      expect(valueIn(again, row.key), row.key).toEqual(row.standard);
    }
  });

  it('derives the names of the environment from the flags', () => {
    expect(environmentName('pcp-server')).toBe('IGD2PCP_PCP_SERVER');
  });
});
