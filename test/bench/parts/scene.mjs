// One subject up and ready, with its carrier, for the time a measurement takes.

import { controlTarget } from './control-url.mjs';
import { igd2pcpGateway, simulatedCarrier } from './igd2pcp.mjs';
import { miniupnpdGateway } from './miniupnpd.mjs';

const READY_WITHIN_MS = 15_000;

/** `make`: () => { gateway, carrier? }. `work` gets { gateway, carrier, target, generator }. */
export async function withScene(bench, make, work) {
  const { gateway, carrier } = make();
  try {
    await carrier?.start();
    await gateway.start();
    const target = await targetOf(bench, gateway);
    return await work({ gateway, carrier, target, generator: bench.generator });
  } finally {
    await gateway.stop();
    await carrier?.stop();
    gateway.clean();
    carrier?.clean();
  }
}

export async function targetOf(bench, gateway) {
  const answer = await bench.generator.ask('ready', { ...gateway.place, within: READY_WITHIN_MS });
  if (answer.at === undefined) throw new Error(`${gateway.name} did not come up`);
  return { ...controlTarget(gateway.place, answer.body), readyAt: answer.at };
}

export const theirs = () => ({ gateway: miniupnpdGateway() });
export const oursWithNft = () => ({ gateway: igd2pcpGateway({ nat: 'nftables' }), carrier: simulatedCarrier() });
export const oursWithoutNat =
  (delayMs, flags = []) =>
  () => ({
    gateway: igd2pcpGateway({ nat: 'none', flags }),
    carrier: simulatedCarrier({ delayMs }),
  });
