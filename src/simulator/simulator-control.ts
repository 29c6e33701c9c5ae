// The control socket of `igd2pcp simulate`: POST takes lines such as "loss 30%" or "restart announce", GET shows what is
// set and mapped. All lines of a request are read before the first is acted on.

import type { Clock } from '../base/host.ts';
import type { HttpHandler, HttpLimits, HttpResponse } from '../base/http.ts';
import { durationInWords, type Instant, milliseconds, seconds } from '../base/time.ts';
import type { SimulatedMapping } from './simulated-mapping.ts';
import type { Simulator } from './simulator.ts';
import { readControlLine, type SimulatorStep } from './simulator-actions.ts';
import type { SimulatorSession } from './simulator-session.ts';
import { SIMULATOR_SETTINGS } from './simulator-settings.ts';

/** A person or a script on this machine talks here. */
export const CONTROL_LIMITS: HttpLimits = {
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
