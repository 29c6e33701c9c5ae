// Start here: argv → command → configuration → host → daemon → signals. The only file, beside library.ts, that opens
// the platform. Exit codes: 0 fine; 1 it ran and the answer is no; 2 wrong usage or configuration.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Driver } from './base/drive.ts';
import type { Host } from './base/host.ts';
import { after, type Duration, seconds } from './base/time.ts';
import {
  type AdminCall,
  addCommand,
  type CommandOutcome,
  deleteAllCommand,
  deleteCommand,
  listCommand,
  statusCommand,
} from './cli/admin-commands.ts';
import {
  type AddWords,
  type CommandLine,
  type Configured,
  DEFAULT_CONFIG_FILE,
  parseCommandLine,
} from './cli/command-line.ts';
import { firewallCommand } from './cli/firewall-command.ts';
import { helpInForm } from './cli/help-text.ts';
import type { Terminal } from './cli/terminal-text.ts';
import { watchCommand } from './cli/watch-command.ts';
import type { Config } from './config/config.ts';
import type { ConfigPurpose } from './config/config-checks.ts';
import { configProblemText } from './config/config-problem.ts';
import { readConfig } from './config/config-reader.ts';
import { missingOnThisBox, objectionToLans } from './daemon/config-on-this-box.ts';
import { Daemon } from './daemon/daemon.ts';
import { DEMO_CARRIER, demoConfig, demoWelcome } from './daemon/demo.ts';
import { releaseEverything } from './daemon/release-everything.ts';
import { DESCRIPTOR_TEXTS } from './descriptor-texts.ts';
import { runDoctor } from './doctor/doctor-run.ts';
import type { MappingOrder } from './operator/operator-source.ts';
import { askAdmin } from './platform/admin-client.ts';
import { createNodeHost } from './platform/node-host.ts';
import { createNodeLog, logStyle, type NodeLog } from './platform/node-log.ts';
import { nodeRandom, seededRandom } from './platform/node-random.ts';
import { createProcessFigures } from './platform/process-figures.ts';
import { openTerminal } from './platform/terminal.ts';
import { runSimulator } from './simulator/simulate-command.ts';
import { SimulatorSession } from './simulator/simulator-session.ts';

const VERSION = process.env['IGD2PCP_VERSION'] ?? '0.0.0';
const FINE = 0;
const NO = 1;
const MISUSED = 2;
/** Shorter than the patience of whoever sent the signal. */
const START_ENDS_WITHIN = seconds(1.5);

const terminal = openTerminal();

async function main(): Promise<number> {
  const parsed = parseCommandLine(process.argv.slice(2), process.env);
  if (!parsed.ok) return misused(parsed.error);
  const line = parsed.value;
  switch (line.command) {
    case 'version':
      terminal.print(`igd2pcp ${VERSION}\n`);
      return FINE;
    case 'help':
      terminal.print(helpInForm(line.topic, line.form, VERSION));
      return FINE;
    case 'simulate':
      return simulate(line);
    case 'check-config':
      return checkConfig(line);
    case 'firewall':
      return withConfig(line, 'command', async (config) => report(await firewallCommand(quietHost(config), config)));
    case 'run':
      return withConfig(line, 'run', (config) => run(line, config));
    case 'demo':
      return withConfig(line, 'demo', demo);
    case 'doctor':
      return withConfig(line, 'command', (config) =>
        runDoctor(quietHost(config), config, line, (text) => terminal.print(text)),
      );
    case 'status':
      return asking(line, (call) => statusCommand(call, line.json, view()));
    case 'list':
      return asking(line, (call) => listCommand(call, line.json, view()));
    case 'add':
      return asking(line, (call) => addCommand(call, orderOf(line.mapping), line.json));
    case 'delete':
      return asking(line, (call, config) => {
        const { mapping, json } = line;
        if (mapping !== 'all') return deleteCommand(call, mapping, json);
        return deleteAllCommand(call, () => releaseEverything(quietHost(config), config), json);
      });
    case 'watch':
      return asking(line, (call, config) => {
        const { clock } = quietHost(config);
        const { print: write, rows, stopped } = terminal;
        return watchCommand(call, { terminal: view, rows, write, stopped, sleep: (span) => sleep(clock, span) });
      });
  }
}

/** For the commands that talk to a running daemon. */
function asking(line: Configured, ask: (call: AdminCall, config: Config) => Promise<CommandOutcome>): Promise<number> {
  return withConfig(line, 'command', async (config) => {
    const call: AdminCall = ({ method, path, body = '' }) => askAdmin(config.admin.socket, method, path, body);
    return report(await ask(call, config));
  });
}

const view = (): Terminal => ({ columns: terminal.columns(), hasColour: terminal.hasColour });

const orderOf = (words: AddWords): MappingOrder => ({
  ...words,
  internalAddress: words.internalAddress.text,
  remoteHost: '',
});

function report(outcome: CommandOutcome): number {
  terminal.print(outcome.stdout);
  terminal.complain(outcome.stderr);
  return outcome.exitCode;
}

function sleep(clock: Host['clock'], span: Duration): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.wakeAt(after(clock.now(), span), resolve);
    terminal.stopped.addEventListener('abort', () => {
      cancel();
      resolve();
    });
  });
}

/** The daemon until a signal ends it. */
async function run(line: Configured, config: Config): Promise<number> {
  const log = daemonLog(config);
  const host = daemonHost(config, log);
  const driver = new Driver(host.clock);
  let wantsReload = false;
  // A supervisor may say so while we still start.
  terminal.onHangUp(() => {
    wantsReload = true;
  });
  const started = await unlessStopped(host.clock, startDaemon(host, log, driver, config, false));
  if (started === undefined) return FINE;
  if (!started.ok) return misused(started.error);
  const urls = started.value.descriptionUrls().join(' ');
  host.log.info(`igd2pcp ${VERSION} is running`, { description: urls });
  if (process.env['NOTIFY_SOCKET'] !== undefined) void tellSystemd(host, urls);
  const reload = (): void => {
    const again = readFrom(line, 'run');
    if (again.ok) void started.value.reload(again.config);
    else host.log.error(`the configuration stays as it was: ${firstOf(again.problems)}`);
  };
  terminal.onHangUp(reload);
  if (wantsReload) reload();
  await stopped();
  await started.value.close();
  driver.close();
  return FINE;
}

/** Node.js has no Unix datagram sockets, so systemd's own program says that we are ready (sd_notify(3)). */
async function tellSystemd(host: Host, urls: string): Promise<void> {
  const args = ['--ready', `--status=${urls === '' ? 'waits for a LAN interface' : `serves ${urls}`}`];
  const told = await host.programs.run('systemd-notify', args, '', seconds(30));
  if (!told.ok || told.value.exitCode !== 0)
    host.log.warn('systemd could not be told that the start is complete', {
      why: told.ok ? told.value.stderr : told.error,
    });
}

/** A start that is nearly through ends in good order; one that waits for something else is left where it is. */
function unlessStopped<T>(clock: Host['clock'], starting: Promise<T>): Promise<T | undefined> {
  const givenUp = new Promise<undefined>((resolve) => {
    void stopped().then(() => clock.wakeAt(after(clock.now(), START_ENDS_WITHIN), () => resolve(undefined)));
  });
  return Promise.race([starting, givenUp]);
}

async function demo(configured: Config): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'igd2pcp-demo-'));
  try {
    const log = daemonLog(configured);
    const host = daemonHost(configured, log);
    const driver = new Driver(host.clock);
    const carrier = await SimulatorSession.open(host, driver, { endpoint: DEMO_CARRIER });
    if (!carrier.ok) return misused(carrier.error);
    const config = demoConfig(configured, carrier.value.endpoint, directory);
    const started = await startDaemon(host, log, driver, config, true);
    if (!started.ok) return misused(started.error);
    const daemon = started.value;
    const [externalAddress] = carrier.value.simulator.options.externalAddresses;
    const { endpoint } = carrier.value;
    const places = { carrier: endpoint, externalAddress, adminSocket: config.admin.socket, pageUrl: daemon.pageUrl() };
    terminal.print(demoWelcome({ ...places, descriptionUrls: daemon.descriptionUrls() }));
    await stopped();
    await daemon.close();
    carrier.value.close();
    driver.close();
    terminal.print('Goodbye.\n');
    return FINE;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function startDaemon(
  host: Host,
  log: NodeLog,
  driver: Driver,
  config: Config,
  isDemo: boolean,
): ReturnType<typeof Daemon.start> {
  const processFigures = createProcessFigures(() => log.dropped());
  return Daemon.start({
    host,
    driver,
    config,
    descriptors: DESCRIPTOR_TEXTS,
    version: VERSION,
    isDemo,
    processFigures,
  });
}

async function simulate({ simulation }: Extract<CommandLine, { command: 'simulate' }>): Promise<number> {
  const log = createNodeLog({ level: 'warn', style: 'pretty', isColoured: terminal.hasColour });
  const host = createNodeHost(log, simulation.seed === 0 ? nodeRandom : seededRandom(String(simulation.seed)));
  return runSimulator(host, simulation, {
    print: (text) => terminal.print(`${text}\n`),
    complain: (text) => terminal.complain(`${text}\n`),
    stopped: stopped(),
  });
}

function stopped(): Promise<void> {
  return new Promise((resolve) => {
    if (terminal.stopped.aborted) resolve();
    else terminal.stopped.addEventListener('abort', () => resolve());
  });
}

function daemonLog(config: Config): NodeLog {
  const style = logStyle(config.log.format, terminal);
  return createNodeLog({ level: config.log.level, style, isColoured: terminal.hasColour });
}

function daemonHost(config: Config, log: NodeLog): Host {
  // A bug must be seen: one line with its stack, and the end, so that whoever supervises the daemon starts it afresh.
  process.on('uncaughtException', (error) => {
    log.error('igd2pcp met a bug of its own and ends; please report it', { error: error.stack });
    process.exit(NO);
  });
  const { seed } = config.simulation;
  return createNodeHost(log, seed === 0 ? nodeRandom : seededRandom(String(seed)));
}

function quietHost(config: Config): Host {
  return createNodeHost(
    createNodeLog({
      level: config.log.level === 'debug' ? 'debug' : 'error',
      style: 'pretty',
      isColoured: terminal.hasColour,
    }),
  );
}

type Reading =
  | { readonly ok: true; readonly config: Config; readonly file: string }
  | { readonly ok: false; readonly problems: readonly string[] };

function readFrom({ configFile, args }: Configured, purpose: ConfigPurpose): Reading {
  const fileName = configFile ?? DEFAULT_CONFIG_FILE;
  let fileText: string | undefined;
  try {
    // A demo is the same everywhere: what this machine is configured for is no part of it.
    const isWanted = configFile !== undefined || purpose !== 'demo';
    fileText = isWanted ? readFileSync(fileName, 'utf8') : undefined;
  } catch (error) {
    // Only a file that was asked for has to be there.
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (configFile !== undefined || !isMissing)
      return { ok: false, problems: [`cannot read the configuration: ${(error as Error).message}`] };
  }
  const read = readConfig({ args, env: process.env, fileText, fileName, purpose });
  if (read.ok) return { ok: true, config: read.value, file: fileText === undefined ? 'the configuration' : fileName };
  return { ok: false, problems: read.error.map(configProblemText) };
}

async function checkConfig(line: Configured): Promise<number> {
  const reading = readFrom(line, 'run');
  if (!reading.ok) return misused(reading.problems.join('\nigd2pcp: '));
  const host = quietHost(reading.config);
  const objection = await objectionToLans(host, reading.config);
  if (objection !== undefined) return misused(objection);
  terminal.print(`${reading.file} is fine\n`);
  for (const remark of await missingOnThisBox(host, reading.config)) terminal.print(`${remark} (it is waited for)\n`);
  return FINE;
}

async function withConfig(
  line: Configured,
  purpose: ConfigPurpose,
  work: (config: Config) => Promise<number>,
): Promise<number> {
  const reading = readFrom(line, purpose);
  return reading.ok ? work(reading.config) : misused(firstOf(reading.problems));
}

const firstOf = ([first = '', ...others]: readonly string[]): string =>
  others.length === 0 ? first : `${first} (${others.length} more: igd2pcp check-config shows all)`;

function misused(problem: string): number {
  terminal.complain(`igd2pcp: ${problem}\n`);
  return MISUSED;
}

// Whatever is still closing does not keep a finished command alive. Output is written by now: on Linux it is synchronous.
main().then((code) => process.exit(code));
