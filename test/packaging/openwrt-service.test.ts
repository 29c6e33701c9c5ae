import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { converter, folder, functions, packaging, run, script } from './openwrt-shell.ts';

const shipped = script('openwrt/igd2pcp.config');
const enabled = shipped.replace("enabled '0'", "enabled '1'");

/** What procd, the daemon, nft and fw4 are told, a line each. */
const STAND_INS = `
procd_open_instance() { :; }
procd_close_instance() { :; }
procd_set_param() { echo "param $*"; }
procd_add_jail() { echo "jail $*"; }
procd_add_jail_mount() { echo "mount $*"; }
procd_add_jail_mount_rw() { echo "mount rw $*"; }
procd_add_reload_trigger() { :; }
procd_send_signal() { echo "signal $*"; }
logger() { echo "log $*"; }
nft() { echo "nft $*" >&2; cat "$UCI_DIR/ruleset" 2> /dev/null; }
fw4() { echo "fw4 $*"; }
chown() { echo "chown $*"; }
start() { start_service; }
igd2pcp() {
	case "$1" in
	check-config) cat "$UCI_DIR/complaint"; return "$(cat "$UCI_DIR/code")" ;;
	--print-command) echo '/usr/bin/node --flag /usr/lib/igd2pcp/start.cjs' ;;
	esac
}
`;

const init = script('openwrt/igd2pcp.init')
  .replaceAll('/usr/bin/igd2pcp', 'igd2pcp')
  .replaceAll('command igd2pcp run', 'command /usr/bin/igd2pcp run')
  .replaceAll('/var/', `${folder}/var/`)
  .replace('. /lib/functions/network.sh', ':')
  .replace('. "$LIB/uci-to-toml.sh"', ':')
  .replaceAll('/etc/passwd', `${folder}/passwd`)
  .replace('UJAIL=/sbin/ujail', `UJAIL=${folder}/ujail`);

interface World {
  readonly uci?: string;
  readonly ruleset?: string;
  readonly complaint?: string;
  readonly before?: string;
  readonly call?: string;
}

function service({ uci = enabled, ruleset = '', complaint = '', before = '', call = 'start_service' }: World): string {
  writeFileSync(join(folder, 'igd2pcp'), uci);
  writeFileSync(join(folder, 'network.values'), '');
  writeFileSync(join(folder, 'ruleset'), ruleset);
  writeFileSync(join(folder, 'complaint'), complaint);
  writeFileSync(join(folder, 'code'), complaint === '' ? '0' : '2');
  return run(`exec 2>&1\n. ${functions}\n${STAND_INS}\n${converter}\n${init}\n${before}\n${call}; echo "exit $?"`);
}

const toml = join(folder, 'var/etc/igd2pcp.toml');

describe('the init script', () => {
  it('does nothing until it is enabled', () => {
    expect(service({ uci: shipped })).toBe('exit 0\n');
  });

  it('writes the configuration and hands the daemon to procd, which starts it anew when that or the program changes', () => {
    const said = service({});
    expect(said).toContain(`param command /usr/bin/igd2pcp run --config ${toml}`);
    expect(said).toContain(`param file ${toml} /usr/lib/igd2pcp/igd2pcp.cjs`);
    expect(said).not.toContain('reload_signal');
    expect(readFileSync(toml, 'utf8')).toContain("interfaces = ['br-lan']");
  });

  it('stands back politely where miniupnpd serves already', () => {
    const said = service({ before: 'other_gateway() { true; }' });
    expect(said).toMatch(/^log .*miniupnpd serves UPnP already: disable it first/);
    expect(said).toMatch(/exit 1\n$/);
    expect(said).not.toContain('param');
  });

  it('reloads fw4 when its rules lack ours, and neither without need nor when the firewall is stopped', () => {
    const mark = 'ct status dnat accept comment "igd2pcp"';
    expect(service({ ruleset: 'table inet fw4 { }' })).toContain('fw4 -q reload');
    expect(service({ ruleset: `table inet fw4 { ${mark} }` })).not.toContain('fw4 -q reload');
    expect(service({ before: 'nft() { return 1; }' })).not.toContain('fw4 -q reload');
  });

  it('starts nothing that would end at once, and says why in the words of /etc/config/igd2pcp', () => {
    const said = service({ complaint: `igd2pcp: ${toml}:3: lan.http_prot is unknown; did you mean lan.http_port?\n` });
    expect(said).toContain(
      'log -t igd2pcp -p daemon.err /etc/config/igd2pcp: igd2pcp.lan.http_prot is unknown; did you mean lan.http_port?',
    );
    expect(said).toMatch(/exit 1\n$/);
    expect(said).not.toContain('param');
  });

  it('says so in the log, too, when the Node.js is too old or missing, and starts nothing', () => {
    const said = service({ complaint: 'igd2pcp: needs Node.js 20.11 or newer, and this is 18.20.6\n' });
    expect(said).toContain('log -t igd2pcp -p daemon.err igd2pcp: needs Node.js 20.11');
    expect(said).not.toContain('param');
  });

  it('lets procd give up on a daemon that ends again and again', () => {
    expect(service({})).toContain('param respawn 600 10 20');
  });

  it('runs in a jail as its own user with one capability, where ujail is', () => {
    writeFileSync(join(folder, 'ujail'), '', { mode: 0o755 });
    writeFileSync(join(folder, 'passwd'), 'igd2pcp:x:100:100::/:/bin/false\n');
    const said = service({});
    writeFileSync(join(folder, 'ujail'), '', { mode: 0o644 });
    expect(said).toContain(
      `param command /usr/bin/node --flag /usr/lib/igd2pcp/start.cjs run --config ${toml}\nparam env PATH=`,
    );
    expect(said).toContain('param user igd2pcp');
    expect(said).toContain('param capabilities /etc/capabilities/igd2pcp.json');
    expect(said).toContain('jail igd2pcp procfs sysfs log');
    expect(said).toContain(`mount ${toml}`);
    // A file that is replaced stays the old one inside, unless its directory is mounted.
    expect(said).toContain(`mount ${folder}/var/run/igd2pcp-dhcp`);
    expect(said).toContain(`mount rw ${folder}/var/run/igd2pcp\n`);
    expect(said).toContain(`mount rw ${folder}/var/lib/igd2pcp\n`);
    const { ambient, bounding } = JSON.parse(script('openwrt/capabilities.json'));
    expect([ambient, bounding]).toEqual([['CAP_NET_ADMIN'], ['CAP_NET_ADMIN']]);
  });

  it('gives the daemon no file that root writes, and follows no link of the daemon', () => {
    writeFileSync(join(folder, 'ujail'), '', { mode: 0o755 });
    const said = service({});
    writeFileSync(join(folder, 'ujail'), '', { mode: 0o644 });
    expect(said).toContain(`chown -Rh igd2pcp:igd2pcp ${folder}/var/run/igd2pcp ${folder}/var/lib/igd2pcp\n`);
  });

  it('on reload tells the daemon to look again, and only when procd does not start it anew', () => {
    service({});
    expect(service({ call: 'reload_service' })).toContain('signal igd2pcp * HUP');
    const changed = enabled.replace("nat 'nftables'", "nat 'none'");
    expect(service({ uci: changed, call: 'reload_service' })).not.toContain('signal');
  });
});

describe('the hotplug script', () => {
  const hotplug = (isRunning: boolean, action: string): string => {
    const command = join(folder, 'service');
    writeFileSync(command, `#!/bin/sh\n[ $1 = running ] && exit ${isRunning ? 0 : 1}\necho "$1"\n`, { mode: 0o755 });
    const text = script('openwrt/hotplug-iface').replaceAll('/etc/init.d/igd2pcp', command);
    return run(`${text}\ntrue`, { ACTION: action });
  };

  it('reloads a service that runs and leaves one that was stopped alone', () => {
    expect(hotplug(true, 'ifup')).toBe('reload\n');
    expect(hotplug(true, 'ifdown')).toBe('reload\n');
    expect(hotplug(false, 'ifup')).toBe('');
    expect(hotplug(true, 'else')).toBe('');
  });
});

describe('the DHCP hooks', () => {
  const lib = new URL('openwrt', packaging).pathname;
  let count = 0;
  const line = () => {
    count += 1;
    const directory = join(folder, `dhcp-${count}`);
    mkdirSync(directory);
    const hook = (name: string) => (env: Record<string, string>, args: readonly string[]) =>
      run(script(`openwrt/${name}`), { IGD2PCP_LIB: lib, IGD2PCP_DHCP: directory, ...env }, args);
    const told = () => readFileSync(join(directory, 'servers'), 'utf8');
    return { four: hook('dhcp4-option'), six: hook('dhcp6-option'), told, directory };
  };
  const V4 = { INTERFACE: 'wan', interface: 'eth1', opt158: '04c0000201' };
  const V6 = { INTERFACE: 'wan6', OPTION_86: '20010db8000000000000000000000001' };
  const BOTH = 'opt158=04c0000201 # wan\nOPTION_86=20010db8000000000000000000000001 # wan6\n';

  it('keep one line for each network and family, in an order that no renewal changes', () => {
    const { four, six, told, directory } = line();
    six(V6, ['eth1', 'bound']);
    four(V4, ['bound']);
    expect(told()).toBe(BOTH);
    for (let renewals = 0; renewals < 2; renewals += 1) {
      six(V6, ['eth1', 'updated']);
      expect(told()).toBe(BOTH);
      four(V4, ['renew']);
      expect(told()).toBe(BOTH);
    }
    expect(readdirSync(directory).sort()).toEqual(['parts', 'servers']);
  });

  it("leave a network's line alone when another network loses its lease", () => {
    const { four, six, told } = line();
    four(V4, ['bound']);
    six(V6, ['eth1', 'bound']);
    four({ INTERFACE: 'wwan', interface: 'wlan0' }, ['deconfig']);
    six({ INTERFACE: 'wwan6' }, ['wlan0', 'stopped']);
    expect(told()).toBe(BOTH);
    four({ INTERFACE: 'wan' }, ['deconfig']);
    expect(told()).toBe('OPTION_86=20010db8000000000000000000000001 # wan6\n');
    six({ INTERFACE: 'wan6' }, ['eth1', 'bound']);
    expect(told()).toBe('');
  });

  it('keep the far end of a DS-Lite tunnel for as long as DHCPv6 names it', () => {
    const { six, directory } = line();
    six({ ...V6, AFTR: 'aftr.example.net' }, ['eth1', 'bound']);
    expect(readFileSync(join(directory, 'aftr.wan6'), 'utf8')).toBe('aftr.example.net\n');
    six(V6, ['eth1', 'stopped']);
    expect(existsSync(join(directory, 'aftr.wan6'))).toBe(false);
  });

  it('are asked for by an option that OpenWrt obeys', () => {
    for (const name of ['dhcp4-option', 'dhcp6-option']) {
      expect(script(`openwrt/${name}`)).toMatch(/uci set network\.wan6?\.reqopts=/);
      expect(script(`openwrt/${name}`)).not.toContain('add_list');
    }
  });
});

describe('taking over from miniupnpd', () => {
  const upnpd = `config upnpd 'config'
	option enabled '1'
	option internal_iface 'lan guest'
	option external_iface 'wan'
	option port '5000'
	option secure_mode '1'
	option igdv1 '1'
	option use_stun '0'
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
`;
  /** `ours` is /etc/config/igd2pcp; the stand-in for uci knows the sections in it. */
  const take = (ours: string): { calls: string[]; said: string } => {
    writeFileSync(join(folder, 'igd2pcp'), ours);
    writeFileSync(join(folder, 'upnpd'), upnpd);
    const importer = script('openwrt/import-miniupnpd').replace(
      /^\. .*functions\.sh"$/m,
      `. ${functions}\nuci() {
	case "$1 $2" in
	'-q get') grep -q "'\${3#igd2pcp.}'" "$UCI_DIR/igd2pcp" ;;
	*) echo "uci $*" >> "$UCI_DIR/calls" ;;
	esac
}`,
    );
    writeFileSync(join(folder, 'calls'), '');
    const said = run(importer);
    return { calls: readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n'), said };
  };
  const RULES = [
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
  ];

  it('carries networks, port, device version, secure_mode and rules in their order, and makes the sections they need', () => {
    expect(take(shipped).calls).toEqual([
      'uci -q delete igd2pcp.lan.interfaces',
      'uci add_list igd2pcp.lan.interfaces=lan',
      'uci add_list igd2pcp.lan.interfaces=guest',
      'uci set igd2pcp.wan.interface=wan',
      'uci set igd2pcp.lan.http_port=5000',
      'uci set igd2pcp.policy=policy',
      'uci set igd2pcp.policy.own_address_only=1',
      'uci set igd2pcp.lan.igd=1',
      ...RULES,
    ]);
  });

  it('adds no rule twice', () => {
    const rule = (action: string, client: string, ports: string): string =>
      `config rule\n\toption action '${action}'\n\toption client '${client}'\n\toption external_ports '${ports}'\n\toption internal_ports '${ports}'\n`;
    const second = `${shipped}\n${rule('allow', 'any', '1024-65535')}${rule('deny', '192.168.1.66/32', '0-65535')}`;
    expect(take(second).calls).not.toContain('uci add igd2pcp rule');
  });

  it('says what it did not take', () => {
    expect(take(shipped).said).toContain('Not taken, as igd2pcp has no such option or another one: use_stun.');
  });
});

describe('installing and removing', () => {
  const scripted = (name: string, before: string, args: readonly string[] = [], env: Record<string, string> = {}) => {
    const text = script(`openwrt/${name}`)
      .replaceAll('/usr/bin/igd2pcp', 'igd2pcp')
      .replaceAll('/var/', `${folder}/var/`)
      .replace('rm -f "${IPKG_INSTROOT}/usr/lib/igd2pcp/igd2pcp.compiled"', ':')
      .replace(/\[ -s "\$\{IPKG_INSTROOT\}\/lib\/functions\.sh" \] \|\| exit 0\n\. .*\n/, '');
    const words = `igd2pcp() { echo "igd2pcp $*"; }\nnft() { echo "nft $*"; }\nfw4() { echo "fw4 $*"; }
add_group_and_user() { echo user; }\ndefault_postinst() { echo "start $root $pkgname"; }\ndefault_prerm() { echo "stop $pkgname"; }\n${before}`;
    return run(`${words}\n${text}`, env, args);
  };

  it('closes every port at the carrier before it goes for good', () => {
    expect(scripted('prerm', '', ['remove'])).toBe('igd2pcp delete --all\nstop igd2pcp\n');
    expect(scripted('postrm', '', ['remove'])).toContain('nft delete table inet igd2pcp\n');
    expect(scripted('postrm', '', ['remove'])).toContain('fw4 -q reload\n');
  });

  it('keeps them on an upgrade, by opkg and by apk', () => {
    expect(scripted('prerm', '', ['upgrade', '0.2.0-r1'])).toBe('stop igd2pcp\n');
    expect(scripted('prerm', '', [], { PKG_UPGRADE: '1' })).toBe('stop igd2pcp\n');
    expect(scripted('postrm', '', ['upgrade'])).toBe('');
  });

  it('touches nothing of the machine that builds an image', () => {
    const built = { IPKG_INSTROOT: join(folder, 'image') };
    expect(scripted('prerm', '', ['remove'], built)).toBe('stop igd2pcp\n');
    expect(scripted('postrm', '', ['remove'], built)).toBe('');
  });

  it('makes the compiled form at the first start where an image was built without it', () => {
    const said = service({ before: 'igd2pcp() { echo "compile=$IGD2PCP_COMPILE $1" >> "$UCI_DIR/asked"; }' });
    expect(said).toContain('exit 0');
    expect(readFileSync(join(folder, 'asked'), 'utf8')).toContain('compile=1 version');
  });
});
