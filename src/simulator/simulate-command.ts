// `igd2pcp simulate`: the simulator on real sockets, one printed line per request, and a control socket to change its mind.

import { Driver } from '../base/drive.ts';
import type { Clock, Host } from '../base/host.ts';
import type { HttpHandler, HttpLimits, HttpResponse } from '../base/http.ts';
import { type Endpoint, endpointText, type IpAddress } from '../base/ip-address.ts';
import { after, type Duration, durationInWords, type Instant, milliseconds, seconds } from '../base/time.ts';
import type { SimulatedMapping } from './served-mappings.ts';
import type { ServedRequest } from './served-request.ts';
import type { Simulator } from './simulator.ts';
import { readControlLine, type SimulatorStep } from './simulator-actions.ts';
import { SimulatorSession } from './simulator-session.ts';
import { type SettingChange, SIMULATOR_SETTINGS } from './simulator-settings.ts';

export interface Simulation {
  readonly listen: Endpoint;
  /** Path of a Unix socket; "" for none. */
  readonly control: string;
  readonly external: IpAddress | undefined;
  readonly restartEvery: Duration | undefined;
  readonly settings: readonly SettingChange[];
}

/** Where the command speaks, and when it is to end. */
interface CommandTerminal {
  print(line: string): void;
  complain(line: string): void;
  readonly stopped: Promise<void>;
}

const FINE = 0;
const FAILED = 1;
const OWNER_AND_GROUP = 0o660;

/** Settles with the exit code. */
export async function runSimulator(host: Host, simulation: Simulation, terminal: CommandTerminal): Promise<number> {
  const driver = new Driver(host.clock);
  const { external } = simulation;
  const opened = await SimulatorSession.open(host, driver, {
    endpoint: simulation.listen,
    options: external === undefined ? {} : { externalAddresses: [external] },
    served: (request) => terminal.print(servedInWords(request)),
  });
  if (!opened.ok) {
    terminal.complain(`igd2pcp simulate: ${opened.error}`);
    return FAILED;
  }
  const session = opened.value;
  for (const change of simulation.settings) change(session.simulator, host.clock.now());
  const closeControl = await openControl(host, session, simulation.control, terminal);
  if (closeControl === undefined) {
    session.close();
    return FAILED;
  }
  const stopRestarts = restartRegularly(host, session, simulation.restartEvery, terminal);
  const [address] = session.simulator.options.externalAddresses;
  terminal.print(`PCP server on ${endpointText(session.endpoint)}, external address ${address?.text ?? 'none'}`);
  await terminal.stopped;
  stopRestarts();
  await closeControl();
  session.close();
  driver.close();
  return FINE;
}

/** Undefined: it could not be opened, and the terminal knows why. */
async function openControl(
  host: Host,
  session: SimulatorSession,
  path: string,
  terminal: CommandTerminal,
): Promise<(() => Promise<void>) | undefined> {
  if (path === '') return async () => {};
  const place = { kind: 'unix', path, mode: OWNER_AND_GROUP } as const;
  const listener = await host.http.listen(place, CONTROL_LIMITS, controlHandler(session, host.clock));
  if (!listener.ok) {
    terminal.complain(`igd2pcp simulate: ${listener.error}`);
    return undefined;
  }
  terminal.print(`control: curl --unix-socket ${path} -d 'loss 30%' http://simulator/`);
  return () => listener.value.close();
}

function restartRegularly(
  host: Host,
  session: SimulatorSession,
  every: Duration | undefined,
  terminal: CommandTerminal,
): () => void {
  if (every === undefined) return () => {};
  let cancel = (): void => {};
  const plan = (): void => {
    cancel = host.clock.wakeAt(after(host.clock.now(), every), () => {
      session.run((simulator, now) => simulator.restart({ keepTable: false, announce: true }, now));
      terminal.print(`restarted, next in ${durationInWords(every)}`);
      plan();
    });
  };
  plan();
  return () => cancel();
}

const servedInWords = ({ from, question, answer }: ServedRequest): string =>
  `${endpointText(from)}  ${question}  ->  ${answer}`;

// The control socket of `igd2pcp simulate`: POST takes lines such as "loss 30%" or "restart announce", GET shows what is
// set and mapped. All lines of a request are read before the first is acted on.

/** A person or a script on this machine talks here. */
const CONTROL_LIMITS: HttpLimits = {
  bodyBytes: 16_384,
  headBytes: 8192,
  headWithin: seconds(5),
  requestWithin: seconds(10),
  takenWithin: seconds(10),
  connections: 16,
  connectionsPerPeer: 16,
};

export function controlHandler(session: SimulatorSession, clock: Clock): HttpHandler {
  return async ({ method, path, body }) => {
    if (method === 'POST' && path === '/') return act(body, session);
    if (method === 'GET' && path === '/') return text(200, stateAsText(session.simulator, clock.now()));
    if (method === 'GET' && path === '/json') {
      return {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: `${JSON.stringify(stateAsData(session.simulator, clock.now()))}\n`,
      };
    }
    return text(404, 'GET / or /json shows the state, POST / with lines changes it\n');
  };
}

function act(body: string, session: SimulatorSession): HttpResponse {
  const lines = body.split('\n').filter((line) => line.trim() !== '');
  const steps: SimulatorStep[] = [];
  for (const line of lines) {
    const step = readControlLine(line);
    if (!step.ok) return text(400, `${step.error}\n`);
    steps.push(step.value);
  }
  for (const step of steps) session.run(step);
  return text(200, `${steps.length === 1 ? 'done' : `${steps.length} lines done`}\n`);
}

function stateAsText(simulator: Simulator, now: Instant): string {
  const settings = SIMULATOR_SETTINGS.map((row) => `${row.flag.padEnd(24)}${row.show(simulator)}`);
  const mappings = simulator.mappings(now).map((mapping) => mappingAsText(mapping, now));
  const head = `epoch ${simulator.epoch(now)}, mappings: ${mappings.length}`;
  return `${[...settings, '', head, ...mappings].join('\n')}\n`;
}

function mappingAsText(mapping: SimulatedMapping, now: Instant): string {
  const left = mapping.expiresAt === undefined ? 'static' : durationInWords(milliseconds(mapping.expiresAt - now));
  const inside = `${mapping.internalAddress.text}:${mapping.internalPort}`;
  return `${mapping.protocol}  ${mapping.externalAddress.text}:${mapping.externalPort} -> ${inside}  ${left}`;
}

function stateAsData(simulator: Simulator, now: Instant): unknown {
  return {
    epoch: simulator.epoch(now),
    settings: Object.fromEntries(SIMULATOR_SETTINGS.map((row) => [row.flag, row.show(simulator)])),
    mappings: simulator.mappings(now).map((mapping) => ({
      protocol: mapping.protocol,
      internalAddress: mapping.internalAddress,
      internalPort: mapping.internalPort,
      externalAddress: mapping.externalAddress,
      externalPort: mapping.externalPort,
      secondsLeft: mapping.expiresAt === undefined ? undefined : Math.ceil((mapping.expiresAt - now) / 1000),
      filters: mapping.filters.map(({ address, prefixBits }) => `${address.text}/${prefixBits}`),
      description: mapping.description,
    })),
  };
}

const text = (status: number, body: string): HttpResponse => ({
  status,
  headers: { 'content-type': 'text/plain; charset=utf-8' },
  body,
});
