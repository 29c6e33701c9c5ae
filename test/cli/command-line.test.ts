import { describe, expect, it } from 'vitest';
import { instant } from '../../src/base/time.ts';
import { parseCommandLine } from '../../src/cli/command-line.ts';
import { COMMAND_NAMES } from '../../src/cli/command-table.ts';
import { Simulator } from '../../src/simulator/simulator.ts';

const parse = (line: string, env: Record<string, string> = {}) =>
  parseCommandLine(
    line.split(' ').filter((word) => word !== ''),
    env,
  );

function lineOf(line: string, env: Record<string, string> = {}) {
  const parsed = parse(line, env);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

const errorOf = (line: string): string => {
  const parsed = parse(line);
  return parsed.ok ? '' : parsed.error;
};

describe('parseCommandLine', () => {
  it('collects configuration flags in every spelling', () => {
    const line = lineOf('run --lan br-lan --lan=br-guest --no-ssdp --trusted-pcp-network --config /tmp/x.toml');
    expect(line).toMatchObject({ command: 'run', configFile: '/tmp/x.toml' });
    expect(line.command === 'run' && Object.fromEntries(line.args)).toEqual({
      lan: ['br-lan', 'br-guest'],
      ssdp: ['false'],
      'trusted-pcp-network': ['true'],
    });
  });

  it('takes the configuration file from the flag, else from IGD2PCP_CONFIG, else from neither', () => {
    const env = { IGD2PCP_CONFIG: '/tmp/env.toml' };
    expect(lineOf('run', env)).toMatchObject({ configFile: '/tmp/env.toml' });
    expect(lineOf('run --config /tmp/flag.toml', env)).toMatchObject({ configFile: '/tmp/flag.toml' });
    expect(lineOf('run')).toMatchObject({ configFile: undefined });
    expect(lineOf('run --config mine.toml')).toMatchObject({ configFile: 'mine.toml' });
    expect(lineOf('check-config /tmp/word.toml', env)).toMatchObject({ configFile: '/tmp/word.toml' });
  });

  it('reads the words of add and delete', () => {
    expect(lineOf('add tcp 8080 192.168.1.10:80 --lease 2h --any')).toMatchObject({
      mapping: { protocol: 'TCP', externalPort: 8080, internalPort: 80, leaseSeconds: 7200, anyPort: true },
    });
    expect(lineOf('delete --all')).toMatchObject({ mapping: 'all' });
    expect(lineOf('delete UDP 53')).toMatchObject({ mapping: { protocol: 'UDP', externalPort: 53, remoteHost: '' } });
  });

  it('reads the faults of a simulated server', () => {
    const line = lineOf('simulate --loss 20% --restart-every 30s --without filter --without third-party --no-silent');
    expect(line).toMatchObject({ simulation: { restartEvery: 30_000, control: '', seed: 0 } });
    const simulator = new Simulator({}, { unit: () => 0 }, instant(0));
    if (line.command === 'simulate') for (const change of line.simulation.settings) change(simulator, instant(0));
    expect(simulator.faults).toMatchObject({ loss: 0.2, silent: false, missingOptions: new Set([3, 1]) });
  });

  it('shows help for nothing, --help and -h, and of one command', () => {
    expect(lineOf('')).toEqual({ command: 'help', topic: undefined, form: 'text' });
    expect(lineOf('-h')).toEqual({ command: 'help', topic: undefined, form: 'text' });
    expect(lineOf('list --help')).toEqual({ command: 'help', topic: 'list', form: 'text' });
    expect(lineOf('help --as zsh')).toEqual({ command: 'help', topic: undefined, form: 'zsh' });
    expect(lineOf('--version')).toEqual({ command: 'version' });
  });

  it.each([
    ['rum', '"rum" is not a command: did you mean "run"?'],
    ['frobnicate', '"frobnicate" is not a command: one of run, demo,'],
    ['run --htp-port 1', '"run" has no flag --htp-port; did you mean --http-port?'],
    ['run -x', '"run" has no flag -x; see: igd2pcp help run'],
    ['status --lan br-lan', '"status" has no flag --lan'],
    ['run --lan', '--lan needs a value: a list, each an interface name'],
    ['add tcp 80', '"add" is used as: igd2pcp add PROTO EXTERNAL INTERNAL-ADDRESS:PORT'],
    ['add sctp 80 192.168.1.2:80', 'PROTO must be tcp or udp, not "sctp"'],
    ['add tcp 80000 192.168.1.2:80', 'EXTERNAL must be a port'],
    ['add tcp 0 192.168.1.2:80', 'EXTERNAL may be 0 only with --any'],
    ['add tcp 80 192.168.1.2', 'INTERNAL-ADDRESS:PORT must be such as'],
    ['add tcp 80 192.168.1.2:80 --lease 8d', '--lease must be a duration'],
    ['help nothing', '"nothing" is not a command'],
    ['run extra', '"run" is used as: igd2pcp run'],
    ['simulate --listen off', '--listen must be an address'],
    ['simulate --loss 130', '--loss must be a share from 0% to 100%, not "130"'],
    ['simulate --refuse-with NOPE', '--refuse-with must be a result code'],
  ])('answers "%s" with one line that says what to mend', (line, expected) => {
    expect(errorOf(line)).toContain(expected);
    expect(errorOf(line)).not.toContain('\n');
  });

  it('never throws, whatever the words', () => {
    for (const command of COMMAND_NAMES) {
      for (const rest of ['--', '-- --lan', '-', '--=', '--no-', '--no-lan', '--json=maybe', '--config']) {
        expect(() => parse(`${command} ${rest}`)).not.toThrow();
      }
    }
  });
});
