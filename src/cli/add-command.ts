// `igd2pcp add`: what a control point could do, done by the person at the box.

import type { MappingOrder } from '../operator/operator-source.ts';
import { type AdminCall, askDaemon, type CommandOutcome, failed, printed } from './admin-call.ts';

export async function addCommand(call: AdminCall, order: MappingOrder, json: boolean): Promise<CommandOutcome> {
  const added = await askDaemon(call, { method: 'POST', path: '/api/mappings', body: JSON.stringify(order) }, 'added');
  if (!added.ok) return failed(added.error);
  if (json) return printed(`${JSON.stringify(added.value)}\n`);
  const { protocol, externalPort, externalAddress } = added.value;
  const place = externalAddress === null ? String(externalPort) : `${externalAddress}:${externalPort}`;
  return printed(`${protocol} ${place} now leads to ${order.internalAddress}:${order.internalPort}\n`);
}
