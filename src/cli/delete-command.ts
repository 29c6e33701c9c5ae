// `igd2pcp delete`: the mapping is named as UPnP names it, by protocol, external port and remote host.

import type { MappingName } from '../operator/operator-source.ts';
import { type AdminCall, askDaemon, type CommandOutcome, failed, printed } from './admin-call.ts';

export async function deleteCommand(call: AdminCall, name: MappingName, json: boolean): Promise<CommandOutcome> {
  const query = new URLSearchParams({ protocol: name.protocol, externalPort: String(name.externalPort) });
  if (name.remoteHost !== '') query.set('remoteHost', name.remoteHost);
  const deleted = await askDaemon(call, { method: 'DELETE', path: `/api/mappings?${query}` }, 'name');
  if (!deleted.ok) return failed(deleted.error);
  if (json) return printed(`${JSON.stringify(deleted.value)}\n`);
  return printed(`${name.protocol} ${name.externalPort} is closed\n`);
}
