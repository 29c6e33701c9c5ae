// Every limit and fault of the simulator as a row: its flag for `igd2pcp simulate`, which is also its name on the control
// socket, what values it takes, what it does. A new fault is one more row.

import { type PortRange, parsePortRange } from '../base/port-number.ts';
import { ok, type Result, refused } from '../base/result.ts';
import { days, type Instant, milliseconds, seconds } from '../base/time.ts';
import { choice, duration, type Kind, listOf, scalar, whole, yesOrNo } from '../config/config-kind.ts';
import { RESULT_NAMES, resultName, SUCCESS } from '../pcp/asking/result-code.ts';
import { OPTION_CODE } from '../pcp/wire/option.ts';
import type { Simulator } from './simulator.ts';
import {
  DEFAULT_SIMULATOR_OPTIONS,
  NO_FAULTS,
  type SimulatorFaults,
  type SimulatorOptions,
} from './simulator-options.ts';

export interface SimulatorSetting {
  readonly flag: string;
  readonly kind: Kind<unknown>;
  readonly standard: unknown;
  readonly help: string;
  /** What the texts of a flag or of a control line change; the error completes the sentence "FLAG ...". */
  read(texts: readonly string[]): Result<SettingChange, string>;
  /** The value in force, as a flag would be written. */
  show(simulator: Simulator): string;
}

export type SettingChange = (simulator: Simulator, now: Instant) => void;

interface Row<T> {
  readonly kind: Kind<T>;
  readonly standard: T;
  readonly help: string;
  readonly now: (simulator: Simulator) => T;
  readonly change: (value: T) => SettingChange;
}

function setting<T>(flag: string, { kind, standard, help, now, change }: Row<T>): SimulatorSetting {
  return {
    flag,
    kind,
    standard,
    help,
    read(texts) {
      // "without" alone, with nothing after it, empties the list.
      if (texts.length === 0 && kind.isRepeatable) return ok(change(standard));
      const value = kind.fromTexts(texts);
      return value.ok ? ok(change(value.value)) : refused(value.error.message);
    },
    show: (simulator) => kind.show(now(simulator)),
  };
}

function fault<K extends keyof SimulatorFaults>(
  flag: string,
  key: K,
  kind: Kind<SimulatorFaults[K]>,
  help: string,
): SimulatorSetting {
  return setting(flag, {
    kind,
    standard: NO_FAULTS[key],
    help,
    now: (simulator) => simulator.faults[key],
    change: (value) => (simulator, now) => simulator.setFaults({ [key]: value }, now),
  });
}

function limit<K extends Exclude<keyof SimulatorOptions, 'holdBack'>>(
  flag: string,
  key: K,
  kind: Kind<SimulatorOptions[K]>,
  help: string,
): SimulatorSetting {
  return setting(flag, {
    kind,
    standard: DEFAULT_SIMULATOR_OPTIONS[key],
    help,
    now: (simulator) => simulator.options[key],
    change: (value) => (simulator) => simulator.setOptions({ [key]: value }),
  });
}

const percentage = (text: string): number | undefined => {
  const [, digits] = /^(\d{1,3}(?:\.\d+)?)%?$/.exec(text) ?? [];
  const share = digits === undefined ? Number.NaN : Number(digits) / 100;
  return share >= 0 && share <= 1 ? share : undefined;
};

const share: Kind<number> = scalar({
  placeholder: 'PERCENT',
  expected: 'a share from 0% to 100%',
  read: (value) => (typeof value === 'string' ? percentage(value) : undefined),
  show: (value) => `${Math.round(value * 10_000) / 100}%`,
});

const rate: Kind<number> = scalar({
  placeholder: 'FACTOR',
  expected: 'a number from -1000 to 1000',
  read: (value) => {
    const factor = typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : Number.NaN;
    return Math.abs(factor) <= 1000 ? factor : undefined;
  },
  show: String,
});

const portRange: Kind<PortRange> = scalar({
  placeholder: 'FIRST-LAST',
  expected: 'a range of ports such as "1024-65535"',
  read: (value) => {
    const range = typeof value === 'string' ? parsePortRange(value) : undefined;
    return range !== undefined && range.first > 0 ? range : undefined;
  },
  show: ({ first, last }) => `${first}-${last}`,
});

const NO_REFUSAL = 'off';
// RFC 6887 §7.4: what a short lifetime error recommends.
const USUAL_REFUSAL_SECONDS = 30;

/** "off", "NO_RESOURCES", "8", "NO_RESOURCES:600". Kept as text, so that "off" is a value like the others. */
const refusal: Kind<SimulatorFaults['refuseWith']> = {
  placeholder: 'RESULT[:SECONDS]',
  isRepeatable: false,
  expected: 'a result code by name or number, with its lifetime, such as "NO_RESOURCES:30", or "off"',
  fromFile: (value) => refusal.fromTexts([String(value)]),
  fromTexts: ([text = '']) => {
    if (text === NO_REFUSAL) return ok(undefined);
    const parsed = parseRefusal(text);
    return parsed === undefined
      ? refused({ at: [], message: `must be ${refusal.expected}, not "${text}"` })
      : ok(parsed);
  },
  split: (text) => [text],
  show: (value) => (value === undefined ? NO_REFUSAL : `${resultName(value.code)}:${value.lifetimeSeconds}`),
};

function parseRefusal(text: string): SimulatorFaults['refuseWith'] {
  const [, name = '', secondsText = String(USUAL_REFUSAL_SECONDS)] = /^(\w+)(?::(\d{1,10}))?$/.exec(text) ?? [];
  const named = Object.entries(RESULT_NAMES).find(([, known]) => known === name.toUpperCase())?.[0];
  const code = Number(named ?? (/^\d+$/.test(name) ? name : Number.NaN));
  const lifetimeSeconds = Number(secondsText);
  const isFine = code > SUCCESS && code <= 0xff && lifetimeSeconds <= 0xffff_ffff;
  return isFine ? { code, lifetimeSeconds } : undefined;
}

const MISSING = {
  'third-party': OPTION_CODE.thirdParty,
  'prefer-failure': OPTION_CODE.preferFailure,
  filter: OPTION_CODE.filter,
  description: OPTION_CODE.description,
} as const;
const MISSING_NAMES = ['prefer-failure', 'third-party', 'filter', 'description'] as const;

const without = listOf(choice(...MISSING_NAMES), MISSING_NAMES.length);
const DELAY = duration(milliseconds(0), seconds(60));
const IDLE_TIME = duration(milliseconds(0), days(1));
const LIFETIME = duration(seconds(1), days(365));

export const SIMULATOR_SETTINGS: readonly SimulatorSetting[] = [
  fault('loss', 'loss', share, 'How many datagrams get lost, each way.'),
  fault('duplicates', 'duplicates', share, 'How many arrive twice, each way.'),
  fault('reordering', 'reordering', share, 'How many are held back so that later ones overtake them, each way.'),
  fault('reordering-within', 'reorderingWithin', DELAY, 'How long they are held back at most.'),
  fault('delay', 'delay', DELAY, 'How long a datagram is on its way, each way.'),
  fault('silent', 'silent', yesOrNo, 'Take nothing in and send nothing.'),
  setting('without', {
    kind: without,
    standard: [],
    help: 'An option this server does not know. Repeatable.',
    now: ({ faults }) => MISSING_NAMES.filter((name) => faults.missingOptions.has(MISSING[name])),
    change: (names) => (simulator, now) =>
      simulator.setFaults({ missingOptions: new Set(names.map((name) => MISSING[name])) }, now),
  }),
  fault('refuse-with', 'refuseWith', refusal, 'Answer every MAP with this result.'),
  fault(
    'ignore-prefer-failure',
    'ignorePreferFailure',
    yesOrNo,
    'Grant another port in spite of PREFER_FAILURE, as miniupnpd does.',
  ),
  fault('refuse-padding', 'refusesPadding', yesOrNo, 'Refuse options that need padding, as miniupnpd 2.3.1 does.'),
  fault('epoch-rate', 'epochRate', rate, 'Epoch seconds per second: 1 is right, 0 stands still, -1 runs backwards.'),
  fault('wrong-source-port', 'wrongSourcePort', yesOrNo, 'Answer from another port than the one asked.'),
  fault('wrong-nonce', 'wrongNonce', yesOrNo, 'Answer with a nonce nobody sent.'),
  fault(
    'busy-after-delete',
    'busyAfterDelete',
    IDLE_TIME,
    'Keep deleted mappings that long, as outbound traffic does.',
  ),
  setting('speaks', {
    kind: choice('pcp', 'nat-pmp', 'both'),
    standard: 'pcp',
    help: 'PCP, NAT-PMP alone, or both from one table.',
    now: ({ faults }) => (faults.speaks === 'PCP' ? 'pcp' : faults.speaks === 'NAT-PMP' ? 'nat-pmp' : 'both'),
    change: (word) => (simulator, now) =>
      simulator.setFaults({ speaks: word === 'pcp' ? 'PCP' : word === 'nat-pmp' ? 'NAT-PMP' : 'both' }, now),
  }),
  fault(
    'refusal-repeats-opcode',
    'refusalRepeatsOpcode',
    yesOrNo,
    "Refuse PCP as miniupnpd's NAT-PMP does, not as RFC 6886 prints it.",
  ),
  limit(
    'quota',
    'quotaPerClient',
    whole('COUNT', 0, 65_535),
    'Most mappings for one client; further ones get USER_EX_QUOTA.',
  ),
  limit(
    'max-mappings',
    'maxMappings',
    whole('COUNT', 0, 65_535),
    'Most mappings of all; further ones get NO_RESOURCES.',
  ),
  limit('min-lifetime', 'shortestLifetime', LIFETIME, 'The shortest lifetime that is granted.'),
  limit('max-lifetime', 'longestLifetime', LIFETIME, 'The longest lifetime that is granted.'),
  limit(
    'filters',
    'filtersPerMapping',
    whole('COUNT', 1, 32),
    'Most remote peers for one mapping; more get EXCESSIVE_REMOTE_PEERS.',
  ),
  limit('third-party', 'allowThirdParty', yesOrNo, 'Let a client map for other hosts.'),
  limit('ports', 'externalPorts', portRange, 'The external ports there are.'),
  limit('port-choice', 'portChoice', choice('preserve', 'random'), 'The suggested port or the next one free, or any.'),
  limit('announce-copies', 'announceCopies', whole('COUNT', 1, 10), 'How often a restart is announced.'),
];

export const settingNamed = (flag: string): SimulatorSetting | undefined =>
  SIMULATOR_SETTINGS.find((row) => row.flag === flag);
