// `igd2pcp status`: exit code 1 when ports cannot be opened now.

import { type AdminCall, askDaemon, type CommandOutcome, failed, printed } from './admin-call.ts';
import { statusText } from './status-text.ts';
import type { Terminal } from './terminal-text.ts';

export async function statusCommand(call: AdminCall, json: boolean, terminal: Terminal): Promise<CommandOutcome> {
  const status = await askDaemon(call, { method: 'GET', path: '/api/status' }, 'status');
  if (!status.ok) return failed(status.error);
  const text = json ? `${JSON.stringify(status.value, undefined, 2)}\n` : statusText(status.value, terminal);
  return printed(text, status.value.health.level === 'bad' ? 1 : 0);
}
