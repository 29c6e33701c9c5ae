// The commands, what each takes, and what `help` says of it. How argv is read: command-line.ts.

import type { Endpoint } from '../base/ip-address.ts';
import { IpAddress } from '../base/ip-address.ts';
import { type Duration, days, hours, seconds } from '../base/time.ts';
import { choice, duration, type Kind, path, scalar, text, whole, yesOrNo } from '../config/config-kind.ts';
import { listenPlace } from '../config/config-network-kinds.ts';
import { SIMULATOR_ACTIONS } from '../simulator/simulator-actions.ts';
import { SIMULATOR_SETTINGS } from '../simulator/simulator-settings.ts';

export const COMMAND_NAMES = [
  'run',
  'demo',
  'doctor',
  'status',
  'list',
  'watch',
  'add',
  'delete',
  'check-config',
  'firewall',
  'simulate',
  'help',
  'version',
] as const;
export type CommandName = (typeof COMMAND_NAMES)[number];

/** A flag that belongs to some commands and is no configuration. */
export interface CommandOption<T> {
  readonly flag: string;
  readonly kind: Kind<T>;
  readonly standard: T;
  readonly help: string;
}

const commandOption = <T>(flag: string, kind: Kind<T>, standard: NoInfer<T>, help: string): CommandOption<T> => ({
  flag,
  kind,
  standard,
  help,
});

/** Undefined where nothing was given. */
const perhaps = <T>(kind: Kind<T>): Kind<T | undefined> => ({
  ...kind,
  show: (value) => (value === undefined ? '' : kind.show(value)),
});

const ipAddress: Kind<IpAddress> = scalar({
  placeholder: 'ADDRESS',
  expected: 'an IP address',
  read: (value) => (typeof value === 'string' ? IpAddress.parse(value) : undefined),
  show: (address) => address.text,
});

const LOCAL_PCP_SERVER: Endpoint = { address: IpAddress.of('127.0.0.1'), port: 5351 };
const NO_TIME: Duration | undefined = undefined;

/** UPnP's longest lease (WANIPConnection:2 §2.3.16). */
const LONGEST_LEASE = days(7);

/** Relative to where the person is, unlike the paths of a daemon that is started anywhere. */
const fileName = text('FILE', 'a file name', (value) => value !== '' && !value.includes('\0'));

export const CONFIG_FILE_OPTION = commandOption('config', fileName, '/etc/igd2pcp.toml', 'The configuration file.');
export const JSON_OPTION = commandOption('json', yesOrNo, false, 'For scripts: JSON instead of text.');
export const ADD_OPTIONS = {
  lease: commandOption(
    'lease',
    duration(seconds(0), LONGEST_LEASE),
    hours(1),
    'How long the mapping is kept; 0 for the longest there is, a week.',
  ),
  any: commandOption('any', yesOrNo, false, 'Another external port will do when this one is taken.'),
  description: commandOption(
    'description',
    scalar({
      placeholder: 'TEXT',
      expected: 'a text of at most 128 printable characters',
      read: (value) => (typeof value === 'string' && value.length <= 128 && !/\p{Cc}/u.test(value) ? value : undefined),
      show: (value) => value,
    }),
    'igd2pcp add',
    'What the mapping is for.',
  ),
};
export const DELETE_OPTIONS = {
  all: commandOption(
    'all',
    yesOrNo,
    false,
    'Every mapping, here and at the carrier; also when the daemon does not run.',
  ),
};
export const SIMULATE_OPTIONS = {
  listen: commandOption('listen', listenPlace, LOCAL_PCP_SERVER, 'Where to serve PCP and NAT-PMP.'),
  external: commandOption('external', perhaps(ipAddress), undefined, 'The external address that mappings get.'),
  restartEvery: commandOption(
    'restart-every',
    perhaps(duration(seconds(1), days(365))),
    NO_TIME,
    'Lose all state this often and announce it, as a restarting server does.',
  ),
  control: commandOption(
    'control',
    path('SOCKET', true),
    '',
    'A Unix socket that takes these flags and actions as lines over HTTP while it runs.',
  ),
  seed: commandOption('random-seed', whole('NUMBER', 0, 2 ** 32 - 1), 0, 'Repeats an earlier run; 0 for a new one.'),
};
export const HELP_OPTIONS = {
  form: commandOption(
    'as',
    choice('text', 'man', 'markdown', 'bash', 'zsh', 'toml'),
    'text',
    'The whole of it as a manual page, the option table, shell completion or a commented configuration file.',
  ),
};

export interface CommandRow {
  /** What follows the name, as `help` writes it. */
  readonly words: string;
  readonly fewestWords: number;
  readonly mostWords: number;
  readonly summary: string;
  /** Which configuration flags it takes: all, those to find the daemon, or none. */
  readonly configuration: 'all' | 'admin' | 'none';
  readonly options: readonly CommandOption<unknown>[];
  readonly details: string;
}

const SIMULATE_DETAILS = [
  'It grants and forgets mappings as RFC 6887 says, but forwards no packet. With --control, every fault below can be',
  "changed while it runs (curl --unix-socket SOCKET -d 'loss 30%' http://simulator/; a GET shows the state), and:",
  SIMULATOR_ACTIONS.map(({ name, words }) => `${name} ${words}`).join('; '),
].join(' ');

const bare = { words: '', fewestWords: 0, mostWords: 0, options: [], configuration: 'none', details: '' } as const;
const addOptions = Object.values<CommandOption<unknown>>(ADD_OPTIONS);

export const COMMANDS: Readonly<Record<CommandName, CommandRow>> = {
  run: {
    ...bare,
    summary: 'the daemon',
    configuration: 'all',
    options: [CONFIG_FILE_OPTION],
    details: 'SIGHUP reads the configuration again, SIGTERM ends it; mappings survive both.',
  },
  demo: {
    ...bare,
    summary: 'the daemon with a PCP server of its own, all on this machine',
    configuration: 'all',
    options: [CONFIG_FILE_OPTION],
    details: 'Needs no root, no configuration and no network. With --lan it serves that interface as well.',
  },
  doctor: {
    ...bare,
    summary: 'asks the network what will work, what will not, and why',
    configuration: 'all',
    options: [CONFIG_FILE_OPTION, JSON_OPTION],
    details: 'Exit code 1 when something is wrong that a person can mend.',
  },
  status: {
    ...bare,
    summary: 'the running daemon: servers, external address, counts',
    configuration: 'admin',
    options: [CONFIG_FILE_OPTION, JSON_OPTION],
    details: 'Exit code 1 when it is not healthy.',
  },
  list: {
    ...bare,
    summary: 'the mappings',
    configuration: 'admin',
    options: [CONFIG_FILE_OPTION, JSON_OPTION],
    details: '',
  },
  watch: {
    ...bare,
    summary: 'the mappings, live',
    configuration: 'admin',
    options: [CONFIG_FILE_OPTION],
    details: 'Ends with Ctrl-C.',
  },
  add: {
    words: 'PROTO EXTERNAL INTERNAL-ADDRESS:PORT',
    fewestWords: 3,
    mostWords: 3,
    summary: 'opens a port',
    configuration: 'admin',
    options: [CONFIG_FILE_OPTION, JSON_OPTION, ...addOptions],
    details: 'PROTO is tcp or udp. Example: igd2pcp add tcp 8080 192.168.1.10:80 --lease 2h',
  },
  delete: {
    words: 'PROTO EXTERNAL [REMOTE-HOST] | --all',
    fewestWords: 0,
    mostWords: 3,
    summary: 'closes a port, or all',
    configuration: 'all',
    options: [CONFIG_FILE_OPTION, JSON_OPTION, ...Object.values<CommandOption<unknown>>(DELETE_OPTIONS)],
    details: [
      'REMOTE-HOST only for a mapping that was made for one. Example: igd2pcp delete tcp 8080',
      'With --all, where no daemon runs, the mappings of its state directory are deleted at the carrier and our nftables',
      'table is removed. It takes ten seconds at most with a silent carrier; exit code 1 when something may still be open.',
    ].join(' '),
  },
  'check-config': {
    ...bare,
    words: '[FILE]',
    mostWords: 1,
    summary: 'reads a configuration and says what is wrong with it',
    configuration: 'all',
    options: [CONFIG_FILE_OPTION],
    details: 'Exit code 2 when something is.',
  },
  firewall: {
    ...bare,
    summary: "the rules that this box's firewall lacks, for nft",
    configuration: 'all',
    options: [CONFIG_FILE_OPTION],
    details:
      'Changes nothing. Prints nothing when mapped ports pass the firewall. ' +
      'Example, for now and for each boot: igd2pcp firewall | tee -a /etc/nftables.conf | nft -f -',
  },
  simulate: {
    ...bare,
    summary: 'a PCP server, with faults on request',
    options: [...Object.values<CommandOption<unknown>>(SIMULATE_OPTIONS), ...SIMULATOR_SETTINGS],
    details: SIMULATE_DETAILS,
  },
  help: {
    ...bare,
    words: '[COMMAND]',
    mostWords: 1,
    summary: 'this text, or that of one command',
    options: Object.values<CommandOption<unknown>>(HELP_OPTIONS),
  },
  version: { ...bare, summary: 'the version' },
};
