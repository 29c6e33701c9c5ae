// `igd2pcp simulate`: the simulator on real sockets, one printed line per request, and a control socket to change its mind.

import { Driver } from '../base/drive.ts';
import type { Host } from '../base/host.ts';
import { type Endpoint, endpointText, type IpAddress } from '../base/ip-address.ts';
import { after, type Duration, durationInWords } from '../base/time.ts';
import type { ServedRequest } from './served-request.ts';
import { CONTROL_LIMITS, controlHandler } from './simulator-control.ts';
import { SimulatorSession } from './simulator-session.ts';
import type { SettingChange } from './simulator-settings.ts';

export interface Simulation {
  readonly listen: Endpoint;
  /** Path of a Unix socket; "" for none. */
  readonly control: string;
  readonly external: IpAddress | undefined;
  readonly restartEvery: Duration | undefined;
  readonly settings: readonly SettingChange[];
}

/** Where the command speaks, and when it is to end. */
export interface CommandTerminal {
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
