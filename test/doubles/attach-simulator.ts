// Puts the simulator on a host, simulated or real, as the PCP server of a test.

import { Driver } from '../../src/base/drive.ts';
import type { Host } from '../../src/base/host.ts';
import type { Endpoint } from '../../src/base/ip-address.ts';
import type { SimulatorFaults, SimulatorOptions } from '../../src/simulator/simulator-options.ts';
import { SimulatorSession } from '../../src/simulator/simulator-session.ts';

export async function attachSimulator(
  host: Host,
  endpoint: Endpoint,
  behaviour: { readonly options?: Partial<SimulatorOptions>; readonly faults?: Partial<SimulatorFaults> } = {},
): Promise<SimulatorSession> {
  const driver = new Driver(host.clock);
  const opened = await SimulatorSession.open(host, driver, { endpoint, options: behaviour.options ?? {} });
  if (!opened.ok) throw new Error(opened.error);
  opened.value.simulator.setFaults(behaviour.faults ?? {}, host.clock.now());
  return opened.value;
}
