// `igd2pcp list`: the mappings, as a table or as the API's JSON.

import { type AdminCall, askDaemon, type CommandOutcome, failed, printed } from './admin-call.ts';
import { listText } from './mapping-table-text.ts';
import type { Terminal } from './terminal-text.ts';

export async function listCommand(call: AdminCall, json: boolean, terminal: Terminal): Promise<CommandOutcome> {
  const list = await askDaemon(call, { method: 'GET', path: '/api/mappings' }, 'mappings');
  if (!list.ok) return failed(list.error);
  return printed(json ? `${JSON.stringify(list.value, undefined, 2)}\n` : listText(list.value, terminal));
}
