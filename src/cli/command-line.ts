// argv becomes one command with all it needs, or one line that says what to mend (exit code 2). Configuration flags are
// only collected here; config-reader.ts judges them.

import { IpAddress } from '../base/ip-address.ts';
import { type PortNumber, parsePortNumber } from '../base/port-number.ts';
import { ok, type Result, refused } from '../base/result.ts';
import { inSeconds } from '../base/time.ts';
import { parseTransportProtocol, type TransportProtocol } from '../base/transport-protocol.ts';
import { nearestName } from '../config/config-problem.ts';
import type { FlagTexts } from '../config/config-reader.ts';
import type { Simulation } from '../simulator/simulate-command.ts';
import { type SettingChange, SIMULATOR_SETTINGS, type SimulatorSetting } from '../simulator/simulator-settings.ts';
import {
  ADD_OPTIONS,
  COMMAND_NAMES,
  COMMANDS,
  CONFIG_FILE_OPTION,
  type CommandName,
  type CommandOption,
  DELETE_OPTIONS,
  HELP_OPTIONS,
  JSON_OPTION,
  SIMULATE_OPTIONS,
} from './command-table.ts';
import { type FlagSet, readFlags } from './flag-reader.ts';

/** What every command that reads a configuration was given. */
export interface Configured {
  /** As given with --config or IGD2PCP_CONFIG: then it has to exist. Undefined: `DEFAULT_CONFIG_FILE`, where there is one. */
  readonly configFile: string | undefined;
  readonly args: FlagTexts;
}

export interface AddWords {
  readonly protocol: TransportProtocol;
  readonly externalPort: PortNumber;
  readonly internalAddress: IpAddress;
  readonly internalPort: PortNumber;
  readonly leaseSeconds: number;
  readonly anyPort: boolean;
  readonly description: string;
}

export interface DeleteWords {
  readonly protocol: TransportProtocol;
  readonly externalPort: PortNumber;
  readonly remoteHost: string;
}

export interface SimulateWords extends Simulation {
  /** 0: a new one. */
  readonly seed: number;
}

export type HelpForm = 'text' | 'man' | 'markdown' | 'bash' | 'zsh' | 'toml';

export type CommandLine =
  | ({ readonly command: 'run' } & Configured)
  | ({ readonly command: 'demo' } & Configured)
  | ({ readonly command: 'watch' } & Configured)
  | ({ readonly command: 'doctor'; readonly json: boolean } & Configured)
  | ({ readonly command: 'status'; readonly json: boolean } & Configured)
  | ({ readonly command: 'list'; readonly json: boolean } & Configured)
  | ({ readonly command: 'add'; readonly json: boolean; readonly mapping: AddWords } & Configured)
  | ({ readonly command: 'delete'; readonly json: boolean; readonly mapping: DeleteWords | 'all' } & Configured)
  | ({ readonly command: 'check-config' } & Configured)
  | ({ readonly command: 'firewall' } & Configured)
  | { readonly command: 'simulate'; readonly simulation: SimulateWords }
  | { readonly command: 'help'; readonly topic: CommandName | undefined; readonly form: HelpForm }
  | { readonly command: 'version' };

export const DEFAULT_CONFIG_FILE = CONFIG_FILE_OPTION.standard;

type Env = Readonly<Record<string, string | undefined>>;

export function parseCommandLine(argv: readonly string[], env: Env): Result<CommandLine, string> {
  const [first, ...rest] = argv;
  if (first === undefined || first === '--help' || first === '-h') {
    return ok({ command: 'help', topic: undefined, form: 'text' });
  }
  if (first === '--version' || first === '-V') return ok({ command: 'version' });
  const command = COMMAND_NAMES.find((name) => name === first);
  if (command === undefined) return refused(notACommand(first));
  if (rest.includes('--help') || rest.includes('-h')) return ok({ command: 'help', topic: command, form: 'text' });
  const flags = readFlags(command, rest);
  if (!flags.ok) return flags;
  const row = COMMANDS[command];
  const count = flags.value.words.length;
  if (count < row.fewestWords || count > row.mostWords) {
    return refused(usageOf(command));
  }
  return readCommand(command, flags.value, env);
}

function usageOf(command: CommandName): string {
  const usage = ['igd2pcp', command, COMMANDS[command].words].filter((word) => word !== '').join(' ');
  return `"${command}" is used as: ${usage}`;
}

function notACommand(given: string): string {
  const near = nearestName(given, COMMAND_NAMES);
  const advice = near === undefined ? `one of ${COMMAND_NAMES.join(', ')}` : `did you mean "${near}"?`;
  return `"${given}" is not a command: ${advice}`;
}

function readCommand(command: CommandName, flags: FlagSet, env: Env): Result<CommandLine, string> {
  const own = new OwnOptions(flags);
  const configured: Configured = {
    configFile: flags.own.has('config') ? own.read(CONFIG_FILE_OPTION) : env['IGD2PCP_CONFIG'],
    args: flags.configuration,
  };
  const settle = (line: CommandLine): Result<CommandLine, string> =>
    own.problem === undefined ? ok(line) : refused(own.problem);
  switch (command) {
    case 'run':
    case 'demo':
    case 'watch':
    case 'firewall':
      return settle({ command, ...configured });
    case 'doctor':
    case 'status':
    case 'list':
      return settle({ command, json: own.read(JSON_OPTION), ...configured });
    case 'add': {
      const mapping = addWords(flags.words, own);
      return mapping.ok
        ? settle({ command, json: own.read(JSON_OPTION), mapping: mapping.value, ...configured })
        : mapping;
    }
    case 'delete': {
      const mapping = deleteWords(flags.words, own);
      return mapping.ok
        ? settle({ command, json: own.read(JSON_OPTION), mapping: mapping.value, ...configured })
        : mapping;
    }
    case 'check-config':
      return settle({ command, ...configured, configFile: flags.words[0] ?? configured.configFile });
    case 'simulate': {
      const simulation = simulateWords(own);
      return simulation.ok ? settle({ command, simulation: simulation.value }) : simulation;
    }
    case 'help': {
      const topic = COMMAND_NAMES.find((name) => name === flags.words[0]);
      if (flags.words[0] !== undefined && topic === undefined) return refused(notACommand(flags.words[0]));
      return settle({ command, topic, form: own.read(HELP_OPTIONS.form) });
    }
    case 'version':
      return ok({ command });
  }
}

class OwnOptions {
  readonly #flags: FlagSet;
  problem: string | undefined;

  constructor(flags: FlagSet) {
    this.#flags = flags;
  }

  read<T>(row: CommandOption<T>): T {
    const texts = this.#flags.own.get(row.flag);
    if (texts === undefined) return row.standard;
    const value = row.kind.fromTexts(texts);
    if (value.ok) return value.value;
    this.problem ??= `--${row.flag} ${value.error.message}`;
    return row.standard;
  }

  /** Undefined: the flag was not given, or not well. */
  change(row: SimulatorSetting): SettingChange | undefined {
    const texts = this.#flags.own.get(row.flag);
    if (texts === undefined) return undefined;
    const change = row.read(texts);
    if (change.ok) return change.value;
    this.problem ??= `--${row.flag} ${change.error}`;
    return undefined;
  }
}

function nameWords(
  protocolText: string,
  portText: string,
): Result<Pick<DeleteWords, 'protocol' | 'externalPort'>, string> {
  const protocol = parseTransportProtocol(protocolText);
  if (protocol === undefined) return refused(`PROTO must be tcp or udp, not "${protocolText}"`);
  const externalPort = parsePortNumber(portText);
  if (externalPort === undefined) return refused(`EXTERNAL must be a port from 0 to 65535, not "${portText}"`);
  return ok({ protocol, externalPort });
}

function addWords(
  [protocol = '', external = '', internal = '']: readonly string[],
  own: OwnOptions,
): Result<AddWords, string> {
  const name = nameWords(protocol, external);
  if (!name.ok) return name;
  const anyPort = own.read(ADD_OPTIONS.any);
  if (name.value.externalPort === 0 && !anyPort) return refused('EXTERNAL may be 0 only with --any');
  const [, bracketed, plain, portText = ''] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(internal) ?? [];
  const internalAddress = IpAddress.parse(bracketed ?? plain ?? '');
  const internalPort = parsePortNumber(portText);
  if (internalAddress === undefined || internalPort === undefined || internalPort === 0) {
    return refused(`INTERNAL-ADDRESS:PORT must be such as 192.168.1.10:80, not "${internal}"`);
  }
  const leaseSeconds = Math.ceil(inSeconds(own.read(ADD_OPTIONS.lease)));
  const description = own.read(ADD_OPTIONS.description);
  return ok({ ...name.value, internalAddress, internalPort, leaseSeconds, anyPort, description });
}

function deleteWords(words: readonly string[], own: OwnOptions): Result<DeleteWords | 'all', string> {
  const [protocol, external, remoteHost = ''] = words;
  const isAll = own.read(DELETE_OPTIONS.all);
  if (isAll && protocol === undefined) return ok('all');
  if (isAll) return refused('"delete --all" takes no mapping: it deletes every one');
  if (protocol === undefined || external === undefined) return refused(usageOf('delete'));
  const name = nameWords(protocol, external);
  return name.ok ? ok({ ...name.value, remoteHost }) : name;
}

function simulateWords(own: OwnOptions): Result<SimulateWords, string> {
  const listen = own.read(SIMULATE_OPTIONS.listen);
  if (listen === 'off') return refused('--listen must be an address and a port, not "off"');
  const settings: SettingChange[] = [];
  for (const row of SIMULATOR_SETTINGS) {
    const change = own.change(row);
    if (change !== undefined) settings.push(change);
  }
  return ok({
    listen,
    control: own.read(SIMULATE_OPTIONS.control),
    external: own.read(SIMULATE_OPTIONS.external),
    restartEvery: own.read(SIMULATE_OPTIONS.restartEvery),
    seed: own.read(SIMULATE_OPTIONS.seed),
    settings,
  });
}
