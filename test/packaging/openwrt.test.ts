import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configProblemText } from '../../src/config/config-problem.ts';
import { readConfig } from '../../src/config/config-reader.ts';
import { converter, folder, functions, run, script } from './openwrt-shell.ts';

function tomlOf(uci: string, network = ''): string {
  writeFileSync(join(folder, 'igd2pcp'), uci);
  writeFileSync(join(folder, 'network.values'), network);
  return run(`. ${functions}\n${converter}\nuci_to_toml`);
}

function configOf(uci: string, network = '') {
  const fileText = tomlOf(uci, network);
  const config = readConfig({ args: new Map(), env: {}, fileText, fileName: 'made.toml', purpose: 'run' });
  if (!config.ok) throw new Error(`${config.error.map(configProblemText).join('\n')}\n${fileText}`);
  return config.value;
}

describe('/etc/config/igd2pcp as TOML', () => {
  it('is a good configuration as it is shipped, once enabled', () => {
    const config = configOf(script('openwrt/igd2pcp.config'));
    expect(config.lan.interfaces).toEqual(['br-lan']);
    expect(config.wan).toMatchObject({ interface: 'eth1', nat: 'nftables' });
    expect(config.pcp.dhcpFile).toBe(join(folder, 'dhcp', 'servers'));
  });

  it('knows the kind of every option from the daemon itself', () => {
    const config = configOf(`
config lan 'lan'
	list interfaces 'lan'
	list interfaces '192.168.9.1'
	option http_port '5001'
	option ssdp 'off'
	option friendly_name 'Ann'\\''s "box"'
config wan 'wan'
	option nat 'none'
config pcp 'pcp'
	option trusted '1'
	option answer_within '5s'
	list servers '192.0.2.1,192.0.2.2'
	list servers 'auto'
config rule
	option action 'deny'
	option client 'aa:bb:cc:dd:ee:ff'
config rule
	option action 'allow'
	option external_ports '2000-3000'
`);
    expect(config.lan).toMatchObject({
      interfaces: ['br-lan', '192.168.9.1'],
      httpPort: 5001,
      ssdp: false,
      friendlyName: 'Ann\'s "box"',
    });
    expect(config.pcp).toMatchObject({ trusted: true, answerWithin: 5000 });
    expect(config.pcp.servers[0]).toMatchObject({ addresses: [{ host: '192.0.2.1' }, { host: '192.0.2.2' }] });
    expect(config.policy.rules.map((rule) => rule.action)).toEqual(['deny', 'allow']);
  });

  it('leaves it to the daemon to say what is wrong', () => {
    expect(() =>
      configOf(
        "config lan 'lan'\n\tlist interfaces 'lan'\n\toption http_port 'many'\nconfig wan 'wan'\n\toption nat 'nftables'\n",
      ),
    ).toThrow(/lan\.http_port must be a port from 0 to 65535, not "many"/);
  });

  it('takes an option for a list, and a list for an option to the daemon', () => {
    const config = configOf("config lan 'lan'\n\toption interfaces 'lan guest'\nconfig wan\n\toption nat 'nftables'\n");
    expect(config.lan.interfaces).toEqual(['br-lan', 'br-guest']);
    expect(config.wan.nat).toBe('nftables');
    expect(() => configOf("config lan 'lan'\n\tlist http_port '5000'\n")).toThrow(/lan\.http_port must be/);
  });

  it('refuses options nobody knows by their name in UCI, in a rule, too: none vanishes', () => {
    const complaint = (uci: string): string => {
      const fileText = tomlOf(`config lan 'lan'\n\tlist interfaces 'lan'\n${uci}`);
      const config = readConfig({ args: new Map(), env: {}, fileText, fileName: 'made.toml', purpose: 'run' });
      if (config.ok) throw new Error(fileText);
      const text = config.error.map(configProblemText).join('\n');
      return run(`${converter}\nprintf '%s\\n' "$1" | in_uci_words made.toml`, {}, [text]).trim();
    };
    const nat = "config wan 'wan'\n\toption nat 'nftables'\n";
    expect(complaint(`\toption http_prot '80'\n${nat}`)).toBe(
      '/etc/config/igd2pcp: igd2pcp.lan.http_prot is unknown; did you mean lan.http_port?',
    );
    expect(complaint(`${nat}config rule\n\toption action 'allow'\n\toption port '80'\n`)).toMatch(
      /^\/etc\/config\/igd2pcp: igd2pcp\.policy\.rule, item 1|^\/etc\/config\/igd2pcp: rule 1/,
    );
    expect(complaint(`${nat}config igd2pcp 'main'\n\toption enabeld '1'\n`)).toContain(
      'igd2pcp.igd2pcp.enabeld is unknown',
    );
    expect(complaint(`${nat}config polisy 'policy'\n\toption min_port '80'\n`)).toContain('igd2pcp.polisy');
    expect(complaint(`${nat}config 'x; touch ${folder}/owned;' 'x'\n\toption a 'b'\n`)).toContain('not_a_section');
    expect(existsSync(join(folder, 'owned'))).toBe(false);
  });

  it('names the device a network will have, while the network is down', () => {
    const wanOf = (lines: string): string | undefined =>
      configOf(
        "config lan 'lan'\n\tlist interfaces 'lan'\nconfig wan 'wan'\n\toption interface 'dsl'\n\toption nat 'nftables'\n",
        lines,
      ).wan.interface;
    expect(wanOf('network.dsl.proto=pppoe\nnetwork.dsl.device=eth1\n')).toBe('pppoe-dsl');
    expect(wanOf('network.dsl.proto=dhcp\nnetwork.dsl.device=eth2\n')).toBe('eth2');
    expect(wanOf('network.dsl.proto=dslite\n')).toBe('ds-dsl');
    expect(wanOf('network.dsl.proto=wireguard\n')).toBe('dsl');
    expect(wanOf('')).toBe('dsl');
  });

  it('asks the far end of a DS-Lite tunnel, whether the user or DHCPv6 named it (RFC 6887 8.1)', () => {
    const serversOf = (wan: string, servers: string, lines: string): string =>
      /^servers = .*$/m.exec(
        tomlOf(
          `config lan 'lan'\n\tlist interfaces 'lan'\nconfig wan 'wan'\n\toption interface '${wan}'\nconfig pcp 'pcp'\n${servers}`,
          lines,
        ),
      )?.[0] ?? '';
    const named = 'network.dsl.proto=dslite\nnetwork.dsl.peeraddr=aftr.example.net\n';
    expect(serversOf('dsl', "\tlist servers 'auto'\n", named)).toBe("servers = ['aftr.example.net', 'auto']");
    expect(serversOf('dsl', '', named)).toBe("servers = ['aftr.example.net', 'auto']");
    expect(serversOf('dsl', "\tlist servers '2001:db8::1'\n", named)).toBe("servers = ['2001:db8::1']");
    mkdirSync(join(folder, 'dhcp'), { recursive: true });
    writeFileSync(join(folder, 'dhcp', 'aftr.wan6'), '2001:db8::aaaa\n');
    expect(serversOf('wan6_4', "\tlist servers 'auto'\n", '')).toBe("servers = ['2001:db8::aaaa', 'auto']");
    expect(serversOf('wan', "\tlist servers 'auto'\n", '')).toBe("servers = ['auto']");
  });

  it('writes the log as text, a stream for each priority of procd, and its socket where the commands find it', () => {
    const config = configOf(script('openwrt/igd2pcp.config'));
    expect(config.log.format).toBe('text');
    expect(config.admin.socket).toBe('/var/run/igd2pcp/admin.sock');
  });

  it('lets no value break out of its string', () => {
    const quote = (text: string): string => run(`${converter}\ntoml_string "$1"`, {}, [text]);
    expect(quote("x'\nnat = 'none")).toBe('"x\'nat = \'none"');
    expect(quote('a\\"b\'')).toBe('"a\\\\\\"b\'"');
    expect(quote('plain "text" \\')).toBe('\'plain "text" \\\'');
  });
});
