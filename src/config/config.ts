// The one table of options. The file's keys, the flags, the environment's names, the defaults, the `Config` type, the
// help texts, the manual page and the README's table all derive from these rows: a new option is one more row.
// How a row is read: config-reader.ts. What must fit together: config-checks.ts.

import { IpAddress } from '../base/ip-address.ts';
import type { IpPrefix } from '../base/ip-prefix.ts';
import { portNumber } from '../base/port-number.ts';
import { days, milliseconds, minutes, seconds } from '../base/time.ts';
import { choice, duration, type Kind, listOf, path, text, whole, yesOrNo } from './config-kind.ts';
import {
  interfaceName,
  lanInterface,
  listenPlace,
  type PcpServerChoice,
  pcpServers,
  portOrAny,
  routedPrefix,
} from './config-network-kinds.ts';
import { type PolicyRule, policyRules } from './config-rule-kind.ts';

export interface ConfigOption<K extends string, T> {
  /** "section.key" as in the TOML file. */
  readonly key: K;
  /** Without its dashes. */
  readonly flag: string;
  readonly kind: Kind<T>;
  readonly standard: T;
  readonly help: string;
  /** Works, but help texts and documents pass over it. */
  readonly isHidden: boolean;
}

const option = <const K extends string, T>(
  key: K,
  flag: string,
  kind: Kind<T>,
  standard: NoInfer<T>,
  help: string,
): ConfigOption<K, T> => ({ key, flag, kind, standard, help, isHidden: false });

const hidden = <K extends string, T>(row: ConfigOption<K, T>): ConfigOption<K, T> => ({ ...row, isHidden: true });

const NO_INTERFACES: readonly string[] = [];
const AUTO_SERVER: readonly PcpServerChoice[] = [{ kind: 'auto' }];
const NO_PREFIXES: readonly IpPrefix[] = [];
const NO_RULES: readonly PolicyRule[] = [];

// UPnP AV and DCPs truncate friendly names at 64 characters (UDA 1.1 §2.3).
const friendlyName = text(
  'NAME',
  'a name of 1 to 63 printable characters',
  (name) => name.length > 0 && name.length < 64 && !/\p{Cc}/u.test(name),
);

const leaseFile = text(
  'FILE',
  'an absolute path, "auto", or "" for none',
  (name) => name === '' || name === 'auto' || (name.startsWith('/') && !name.includes('\0')),
);

// biome-ignore format: a table, two lines to a row
export const CONFIG_OPTIONS = [
  option('lan.interfaces', 'lan', listOf(lanInterface, 16), NO_INTERFACES,
    'Interfaces (names or addresses) whose hosts are served. Nothing is ever served elsewhere.'),
  option('lan.http_port', 'http-port', portOrAny, portNumber(5000),
    'TCP port for descriptions, control and events on the LAN; 0 for any free one.'),
  option('lan.igd', 'igd', choice('auto', '1', '2'), 'auto',
    'Which device to present: an IGD:1 and an IGD:2 side by side so that each client finds its own, or only one.'),
  option('lan.friendly_name', 'friendly-name', friendlyName, 'Home router',
    'The name that computers show for this gateway.'),
  option('lan.ssdp', 'ssdp', yesOrNo, true,
    'Announce the gateway and answer searches. Without it, clients must be told the description URL.'),
  option('lan.routed_prefixes', 'routed-prefix', listOf(routedPrefix, 64), NO_PREFIXES,
    'Networks of the house behind other routers, such as "192.168.7.0/24": their hosts may be mapped, too.'),

  option('wan.interface', 'wan', interfaceName, '',
    'The external interface; "" for the one with the default route.'),
  option('wan.nat', 'nat', choice('none', 'nftables'), 'none',
    '"none": this box does not translate (DS-Lite B4, routed LAN). "nftables": it does, and gets a rule per mapping.'),
  option('wan.hairpin', 'hairpin', yesOrNo, false,
    'With nftables: LAN hosts reach mappings by the external address, too, where the carrier does not turn them round.'),
  option('wan.flush_on_exit', 'flush-on-exit', yesOrNo, false,
    'With nftables: remove our rules when the daemon ends. Without it they stay until they time out: an upgrade drops nothing.'),

  option('pcp.servers', 'pcp-server', pcpServers, AUTO_SERVER,
    'PCP servers. "auto": what DHCP said, then the default gateway. A nested list holds all addresses of one server.'),
  option('pcp.dhcp_file', 'dhcp-file', path('FILE', true), '',
    'Where the DHCP client leaves option 158 or 86.'),
  option('pcp.trusted', 'trusted-pcp-network', yesOrNo, false,
    'The network to the PCP server is trusted: requests for other hosts are allowed there (RFC 6970 §6). Needed for nat = "none".'),
  option('pcp.answer_within', 'answer-within', duration(milliseconds(500), seconds(30)), seconds(4),
    'How long a control point waits for the PCP server before error 501.'),
  option('pcp.emulate_prefer_failure', 'emulate-prefer-failure', yesOrNo, false,
    'For servers without PREFER_FAILURE, and for NAT-PMP: release what came under another port, and refuse.'),
  option('pcp.probe', 'probe', choice('off', 'rfc'), 'off',
    '"rfc": GetSpecificPortMappingEntry for an unknown port asks the PCP server (RFC 6970 §5.7).'),
  option('pcp.descriptions', 'descriptions', yesOrNo, false,
    'Send the description of a mapping to the PCP server (RFC 7220).'),
  option('pcp.nat_pmp', 'nat-pmp', yesOrNo, true,
    'Speak NAT-PMP to a server that knows nothing newer (RFC 6887 appendix A).'),
  option('pcp.max_in_flight', 'pcp-max-in-flight', whole('COUNT', 1, 1000), 16,
    'Most requests that wait for a PCP answer at one time.'),
  option('pcp.rate', 'pcp-rate', whole('PER-SECOND', 1, 10_000), 1000,
    'Most PCP requests in a second while many mappings are renewed or restored.'),
  option('pcp.retry_short_errors', 'retry-short-errors', whole('COUNT', 0, 5), 0,
    'How often a short-lived refusal is asked again while the control point waits (RFC 6970 §5.6).'),

  option('policy.own_address_only', 'own-address-only', yesOrNo, true,
    'A control point maps for its own address only, and sees its own mappings only. Without it, for every host of the LAN.'),
  option('policy.min_port', 'min-port', whole('PORT', 1, 65535), 1024,
    'Lower ports are refused, on both sides of the mapping.'),
  option('policy.max_mappings', 'max-mappings', whole('COUNT', 1, 65535), 1024,
    'Most mappings altogether.'),
  option('policy.max_mappings_per_client', 'max-mappings-per-client', whole('COUNT', 1, 65535), 128,
    'Most mappings of one LAN host, whatever number of addresses it has.'),
  option('policy.requests_per_minute', 'requests-per-minute', whole('COUNT', 0, 100_000), 240,
    'Changes and probes one LAN host may ask for in a minute; 0: as many as it likes.'),
  option('policy.rule', 'rule', policyRules, NO_RULES,
    'Who may map which ports; the first match decides, no match allows. As a flag: "allow 1024-65535 192.168.1.0/24 1024-65535".'),

  option('hosts.dhcp_leases', 'dhcp-leases', leaseFile, 'auto',
    'dnsmasq\'s lease file: names for hosts; a host that lost its address loses its mappings (RFC 6970 §5.10). "auto": /tmp/dhcp.leases on OpenWrt, none elsewhere.'),
  option('hosts.grace', 'host-grace', duration(seconds(0), days(7)), minutes(10),
    'How long a host may be away before its mappings go.'),

  option('state.directory', 'state-dir', path('DIRECTORY'), '/var/lib/igd2pcp',
    'Where mappings and device UUIDs are kept.'),

  option('admin.socket', 'admin-socket', path('FILE'), '/run/igd2pcp.sock',
    'The commands talk to the daemon here; mode 0660, so the file system says who may.'),
  option('admin.listen', 'admin', listenPlace, { address: IpAddress.of('127.0.0.1'), port: portNumber(5080) },
    'Status page, JSON and metrics; "off" for none. Reads only, unless a token is set.'),
  option('admin.token_file', 'admin-token-file', path('FILE', true), '',
    'Who shows the token in this file may add and delete by page and API, too.'),

  option('log.level', 'log-level', choice('debug', 'info', 'warn', 'error'), 'info',
    'The least important messages that are written.'),
  option('log.format', 'log-format', choice('auto', 'text', 'json'), 'auto',
    '"text": a sentence a line, for people and syslog. "json": for programs. "auto": text on a terminal and for systemd, else JSON.'),

  hidden(option('simulation.seed', 'random-seed', whole('NUMBER', 0, 2 ** 32 - 1), 0,
    'Repeats the random choices of an earlier run of `demo` or `simulate`; 0 for new ones.')),
] as const;

type Row = (typeof CONFIG_OPTIONS)[number];
export type ConfigKey = Row['key'];

type CamelCase<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S;
// In the file, [[policy.rule]] is one rule; the property holds them all.
type PropertyName<S extends string> = S extends 'rule' ? 'rules' : CamelCase<S>;
type Section = ConfigKey extends infer K ? (K extends `${infer S}.${string}` ? S : never) : never;

/** `config.lan.httpPort` is the file's `http_port` in `[lan]`. */
export type Config = {
  readonly [S in Section]: {
    readonly [R in Row as R['key'] extends `${S}.${infer Name}` ? PropertyName<Name> : never]: R extends ConfigOption<
      string,
      infer T
    >
      ? T
      : never;
  };
};

/** A row whose value may be anything: for those who treat all rows alike. */
export type AnyConfigOption = ConfigOption<ConfigKey, unknown>;

/** "pcp.answer_within" → "pcp", "answerWithin". */
export function propertyPath(key: ConfigKey): { readonly section: string; readonly property: string } {
  const [section = '', name = ''] = key.split('.');
  const camel = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return { section, property: camel === 'rule' ? 'rules' : camel };
}

/** "http-port" → "IGD2PCP_HTTP_PORT". */
export const environmentName = (flag: string): string => `IGD2PCP_${flag.toUpperCase().replaceAll('-', '_')}`;
