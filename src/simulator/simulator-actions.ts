// What can be done to a running simulator once, as rows: restart it, move its mappings, change its address. A control line
// names one, or one of `simulator-settings.ts`.

import { type Endpoint, IpAddress } from '../base/ip-address.ts';
import { type PortNumber, parsePortNumber } from '../base/port-number.ts';
import { ok, type Result, refused } from '../base/result.ts';
import type { Instant } from '../base/time.ts';
import { parseTransportProtocol } from '../base/transport-protocol.ts';
import type { InternalKey } from './served-mappings.ts';
import type { ChangeNotice, Simulator, SimulatorOutput } from './simulator.ts';
import { SIMULATOR_SETTINGS, settingNamed } from './simulator-settings.ts';

export type SimulatorStep = (simulator: Simulator, now: Instant) => readonly SimulatorOutput[];

export interface SimulatorAction {
  readonly name: string;
  readonly words: string;
  readonly help: string;
  /** Undefined: the words do not fit. */
  read(words: readonly string[]): SimulatorStep | undefined;
}

export const SIMULATOR_ACTIONS: readonly SimulatorAction[] = [
  {
    name: 'restart',
    words: '[keep-table] [announce]',
    help: 'Reset the epoch, forget all mappings; silently unless told to announce.',
    read: (words) => {
      if (words.some((word) => word !== 'keep-table' && word !== 'announce')) return undefined;
      const how = { keepTable: words.includes('keep-table'), announce: words.includes('announce') };
      return (simulator, now) => simulator.restart(how, now);
    },
  },
  {
    name: 'epoch',
    words: 'SECONDS',
    help: 'Set the epoch.',
    read: ([text = '', ...rest]) => {
      if (!/^\d{1,10}$/.test(text) || rest.length > 0) return undefined;
      return (simulator, now) => {
        simulator.setEpoch(Number(text), now);
        return [];
      };
    },
  },
  {
    name: 'external',
    words: 'ADDRESS [announce|quietly]',
    help: 'Move all mappings to this address; told by Mapping Updates, a restart announcement, or not at all.',
    read: ([text = '', how = 'updates', ...rest]) => {
      const address = IpAddress.parse(text);
      const notice = NOTICES.get(how);
      if (address === undefined || notice === undefined || rest.length > 0) return undefined;
      return (simulator, now) => simulator.changeExternalAddresses([address], notice, now);
    },
  },
  {
    name: 'move',
    words: 'PROTO ADDRESS:PORT NEW-PORT',
    help: 'Give the mapping of this internal address and port another external port, with Mapping Updates.',
    read: (words) => withKeyAndPort(words, (key, port) => (simulator, now) => simulator.moveMapping(key, port, now)),
  },
  {
    name: 'revoke',
    words: 'PROTO ADDRESS:PORT [quietly]',
    help: 'Take a mapping away and say CANNOT_PROVIDE_EXTERNAL, or nothing.',
    read: ([protocol, place, how = 'tell', ...rest]) => {
      const key = internalKeyOf(protocol, place);
      if (key === undefined || (how !== 'tell' && how !== 'quietly') || rest.length > 0) return undefined;
      return (simulator, now) => simulator.revokeMapping(key, how === 'tell', now);
    },
  },
  {
    name: 'static',
    words: 'PROTO ADDRESS:PORT EXTERNAL-PORT',
    help: 'Add a mapping that belongs to no client and never ends.',
    read: (words) =>
      withKeyAndPort(words, (key, port) => (simulator, now) => {
        simulator.addStaticMapping(key, port, now);
        return [];
      }),
  },
];

const NOTICES: ReadonlyMap<string, ChangeNotice> = new Map([
  ['updates', 'mapping updates'],
  ['announce', 'restart announcement'],
  ['quietly', 'nothing'],
]);

function withKeyAndPort(
  [protocol, place, portText = '', ...rest]: readonly string[],
  step: (key: InternalKey, port: PortNumber) => SimulatorStep,
): SimulatorStep | undefined {
  const key = internalKeyOf(protocol, place);
  const port = parsePortNumber(portText);
  return key === undefined || port === undefined || port === 0 || rest.length > 0 ? undefined : step(key, port);
}

function internalKeyOf(protocolText = '', place = ''): InternalKey | undefined {
  const protocol = parseTransportProtocol(protocolText);
  const endpoint = parseEndpoint(place);
  if (protocol === undefined || endpoint === undefined) return undefined;
  const internalPort = parsePortNumber(String(endpoint.port));
  return internalPort === undefined ? undefined : { internalAddress: endpoint.address, protocol, internalPort };
}

function parseEndpoint(text: string): Endpoint | undefined {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([\d.]+)):(\d{1,5})$/.exec(text) ?? [];
  const address = IpAddress.parse(bracketed ?? plain ?? '');
  return address === undefined ? undefined : { address, port: Number(port) };
}

/** One control line: "loss 30%", "without filter third-party", "restart announce". The error says what would be right. */
export function readControlLine(line: string): Result<SimulatorStep, string> {
  const [name = '', ...words] = line.trim().split(/\s+/);
  const action = SIMULATOR_ACTIONS.find((row) => row.name === name);
  if (action !== undefined) {
    const step = action.read(words);
    return step === undefined ? refused(`"${name}" is used as: ${name} ${action.words}`) : ok(step);
  }
  const row = settingNamed(name);
  if (row === undefined) {
    const names = [...SIMULATOR_ACTIONS, ...SIMULATOR_SETTINGS.map(({ flag }) => ({ name: flag }))];
    return refused(`"${name}" is nothing to set or do; known: ${names.map((known) => known.name).join(', ')}`);
  }
  // A switch alone means "on", as its flag does.
  const isSwitch = row.kind.placeholder === undefined;
  const change = row.read(words.length === 0 && isSwitch ? ['true'] : words);
  if (!change.ok) return refused(`"${name}" ${change.error}`);
  return ok((simulator, now) => {
    change.value(simulator, now);
    return [];
  });
}
