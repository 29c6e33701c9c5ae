import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { configProblemText } from '../../src/daemon/config-problem.ts';
import { readConfig } from '../../src/daemon/config-reader.ts';
import { manualOf } from '../../src/daemon/help-text.ts';
import { optionTableToml } from '../../src/operator/option-table.ts';

const packaging = new URL('../../.packaging/', import.meta.url);
const functions = new URL('openwrt-functions.sh', import.meta.url).pathname;
const { keysOf }: { keysOf: (toml: string) => string } = await import(new URL('openwrt/package.mjs', packaging).href);

const folder = mkdtempSync(join(tmpdir(), 'igd2pcp-openwrt-'));
afterAll(() => rmSync(folder, { recursive: true }));

// OpenWrt's shell is busybox ash; where it is not installed, dash is its nearest relative.
const SHELL = existsSync('/usr/bin/busybox') ? ['/usr/bin/busybox', 'ash'] : ['/bin/sh'];
const script = (name: string): string => readFileSync(new URL(name, packaging), 'utf8');

function run(text: string, env: Record<string, string> = {}, args: readonly string[] = []): string {
  const [program = '', ...rest] = SHELL;
  const full = { PATH: process.env['PATH'] ?? '', UCI_DIR: folder, ...env };
  return execFileSync(program, [...rest, '-c', text, 'test', ...args], { encoding: 'utf8', env: full });
}

const converter = script('openwrt/uci-to-toml.sh').replace('@KEYS@', keysOf(optionTableToml(manualOf('1.2.3'))));

function tomlOf(uci: string): string {
  writeFileSync(join(folder, 'igd2pcp'), uci);
  return run(`. ${functions}\n${converter}\nuci_to_toml`);
}

function configOf(uci: string) {
  const fileText = tomlOf(uci);
  const config = readConfig({ args: new Map(), env: {}, fileText, fileName: 'made.toml', purpose: 'run' });
  if (!config.ok) throw new Error(`${config.error.map(configProblemText).join('\n')}\n${fileText}`);
  return config.value;
}

describe('/etc/config/igd2pcp as TOML', () => {
  it('is a good configuration as it is shipped, once enabled', () => {
    const config = configOf(script('openwrt/igd2pcp.config'));
    expect(config.lan.interfaces).toEqual(['br-lan']);
    expect(config.wan).toMatchObject({ interface: 'eth1', nat: 'nftables' });
    expect(config.pcp.dhcpFile).toBe('/var/run/igd2pcp.dhcp');
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

  it('lets no value break out of its string', () => {
    const quote = (text: string): string => run(`${converter}\ntoml_string "$1"`, {}, [text]);
    expect(quote("x'\nnat = 'none")).toBe('"x\'nat = \'none"');
    expect(quote('a\\"b\'')).toBe('"a\\\\\\"b\'"');
    expect(quote('plain "text" \\')).toBe('\'plain "text" \\\'');
  });
});

describe('taking over from miniupnpd', () => {
  it('carries networks, port and permission rules in their order', () => {
    writeFileSync(
      join(folder, 'upnpd'),
      `config upnpd 'config'
	option internal_iface 'lan guest'
	option external_iface 'wan'
	option port '5000'
	option secure_mode '1'
config perm_rule
	option action 'allow'
	option ext_ports '1024-65535'
	option int_addr '0.0.0.0/0'
	option int_ports '1024-65535'
config perm_rule
	option action 'deny'
	option ext_ports '0-65535'
	option int_addr '192.168.1.66/32'
	option int_ports '0-65535'
`,
    );
    const importer = script('openwrt/import-miniupnpd').replace(/^\. .*functions\.sh"$/m, `. ${functions}`);
    const calls = run(`uci() { echo "uci $*" >&3; }\n( ${importer} ) 3>&1 1>/dev/null`).trim().split('\n');
    expect(calls).toEqual([
      'uci -q delete igd2pcp.lan.interfaces',
      'uci add_list igd2pcp.lan.interfaces=lan',
      'uci add_list igd2pcp.lan.interfaces=guest',
      'uci set igd2pcp.wan.interface=wan',
      'uci set igd2pcp.lan.http_port=5000',
      'uci set igd2pcp.policy.own_address_only=1',
      'uci add igd2pcp rule',
      'uci set igd2pcp.@rule[-1].action=allow',
      'uci set igd2pcp.@rule[-1].client=any',
      'uci set igd2pcp.@rule[-1].external_ports=1024-65535',
      'uci set igd2pcp.@rule[-1].internal_ports=1024-65535',
      'uci add igd2pcp rule',
      'uci set igd2pcp.@rule[-1].action=deny',
      'uci set igd2pcp.@rule[-1].client=192.168.1.66/32',
      'uci set igd2pcp.@rule[-1].external_ports=0-65535',
      'uci set igd2pcp.@rule[-1].internal_ports=0-65535',
    ]);
  });
});

describe('the init script', () => {
  const procd = `
procd_open_instance() { :; }
procd_close_instance() { :; }
procd_set_param() { echo "param $*"; }
procd_add_reload_trigger() { :; }
logger() { echo "log $*"; }
config_get_bool() { config_get "$1" "$2" "$3" "$4"; }
`;
  const init = script('openwrt/igd2pcp.init')
    .replace('CONFIG=/var/etc/igd2pcp.toml', `CONFIG=${folder}/made.toml`)
    .replace('. /lib/functions/network.sh', ':')
    .replace('. /usr/lib/igd2pcp/uci-to-toml.sh', ':')
    .replace('mkdir -p /var/etc /var/lib/igd2pcp', ':');
  const start = (uci: string, before = '') => {
    writeFileSync(join(folder, 'igd2pcp'), uci);
    return run(`. ${functions}\n${procd}\n${converter}\n${init}\n${before}\nstart_service; echo "exit $?"`);
  };
  const enabled = script('openwrt/igd2pcp.config').replace("enabled '0'", "enabled '1'");

  it('does nothing until it is enabled', () => {
    expect(start(script('openwrt/igd2pcp.config'))).toBe('exit 0\n');
  });

  it('writes the configuration and hands the daemon to procd, which reloads it by SIGHUP', () => {
    const said = start(enabled);
    expect(said).toContain(`param command /usr/bin/igd2pcp run --config ${folder}/made.toml`);
    expect(said).toContain('param reload_signal HUP');
    expect(readFileSync(join(folder, 'made.toml'), 'utf8')).toContain("interfaces = ['br-lan']");
  });

  it('stands back politely where miniupnpd serves already', () => {
    const said = start(enabled, 'other_gateway() { true; }');
    expect(said).toMatch(/^log .*miniupnpd serves UPnP already: disable it first/);
    expect(said).toMatch(/exit 1\n$/);
    expect(said).not.toContain('param');
  });
});

describe('the DHCP hooks', () => {
  const env = { IGD2PCP_DHCP: join(folder, 'dhcp') };
  const told = () => readFileSync(env.IGD2PCP_DHCP, 'utf8');

  it('hand over option 158 and 86 side by side, and take back what a lease no longer says', () => {
    run(script('openwrt/dhcp4-option'), { ...env, opt158: '04c0000201' }, ['bound']);
    run(script('openwrt/dhcp6-option'), { ...env, OPTION_86: '20010db8000000000000000000000001' });
    expect(told()).toBe('opt158=04c0000201\nOPTION_86=20010db8000000000000000000000001\n');
    run(script('openwrt/dhcp4-option'), env, ['deconfig']);
    expect(told()).toBe('OPTION_86=20010db8000000000000000000000001\n');
  });
});
