// How a command talks to the running daemon: HTTP over the admin socket, and what is said when that does not work.

import { type Result, refused } from '../base/result.ts';
import { durationInWords, seconds } from '../base/time.ts';
import { type API_SCHEMAS, type EmptiedJson, parseJson } from '../operator/api-schema.ts';
import type { Emptied, MappingName, MappingOrder } from '../operator/operator-source.ts';
import { emptiedJson } from '../operator/status-json.ts';
import { listText } from './mapping-table-text.ts';
import { statusText } from './status-text.ts';
import type { Terminal } from './terminal-text.ts';

export interface AdminRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  /** JSON; left out where there is none. */
  readonly body?: string;
}

export interface AdminAnswer {
  readonly status: number;
  readonly body: string;
}

/** The error names the socket and says what to do: "is the daemon running?". */
export type AdminCall = (request: AdminRequest) => Promise<Result<AdminAnswer, string>>;

export interface CommandOutcome {
  /** 0 fine; 1 it ran and the answer is no. */
  readonly exitCode: 0 | 1;
  readonly stdout: string;
  readonly stderr: string;
}

export const printed = (stdout: string, exitCode: 0 | 1 = 0): CommandOutcome => ({ exitCode, stdout, stderr: '' });
export const failed = (message: string): CommandOutcome => ({
  exitCode: 1,
  stdout: '',
  stderr: `igd2pcp: ${message}\n`,
});

/** The answer as the schema says it is, or one line why not. */
export async function askDaemon<S extends keyof typeof API_SCHEMAS>(
  call: AdminCall,
  request: AdminRequest,
  schema: S,
): Promise<ReturnType<typeof parseJson<S>>> {
  const answer = await call(request);
  if (!answer.ok) return answer;
  const { status, body } = answer.value;
  if (status < 200 || status > 299) {
    const fault = parseJson('fault', body);
    if (!fault.ok) return refused(`the daemon answered ${status}`);
    const code = fault.value.upnpErrorCode === undefined ? '' : ` (UPnP error ${fault.value.upnpErrorCode})`;
    return refused(fault.value.error + code);
  }
  const value = parseJson(schema, body);
  return value.ok ? value : refused(`the daemon's answer does not fit this version of igd2pcp: ${value.error}`);
}

// `igd2pcp add`: what a control point could do, done by the person at the box.

export async function addCommand(call: AdminCall, order: MappingOrder, json: boolean): Promise<CommandOutcome> {
  const added = await askDaemon(call, { method: 'POST', path: '/api/mappings', body: JSON.stringify(order) }, 'added');
  if (!added.ok) return failed(added.error);
  if (json) return printed(`${JSON.stringify(added.value)}\n`);
  const { protocol, externalPort, externalAddress } = added.value;
  const place = externalAddress === null ? String(externalPort) : `${externalAddress}:${externalPort}`;
  return printed(`${protocol} ${place} now leads to ${order.internalAddress}:${order.internalPort}\n`);
}

// `igd2pcp delete`: the mapping is named as UPnP names it, by protocol, external port and remote host.

export async function deleteCommand(call: AdminCall, name: MappingName, json: boolean): Promise<CommandOutcome> {
  const query = new URLSearchParams({ protocol: name.protocol, externalPort: String(name.externalPort) });
  if (name.remoteHost !== '') query.set('remoteHost', name.remoteHost);
  const deleted = await askDaemon(call, { method: 'DELETE', path: `/api/mappings?${query}` }, 'name');
  if (!deleted.ok) return failed(deleted.error);
  if (json) return printed(`${JSON.stringify(deleted.value)}\n`);
  return printed(`${name.protocol} ${name.externalPort} is closed\n`);
}

// `igd2pcp delete --all`: by the daemon where one runs, else from what it left on the disk. Exit code 1 when a carrier may
// still hold something.

export async function deleteAllCommand(
  call: AdminCall,
  withoutDaemon: () => Promise<Result<Emptied, string>>,
  json: boolean,
): Promise<CommandOutcome> {
  const request = { method: 'DELETE', path: '/api/mappings?all=true' } as const;
  const answer = await call(request);
  if (answer.ok) {
    const emptied = await askDaemon(async () => answer, request, 'emptied');
    return emptied.ok ? outcomeOf(emptied.value, json) : failed(emptied.error);
  }
  // A daemon that runs and does not answer keeps its state directory: then this is refused, too.
  const emptied = await withoutDaemon();
  return emptied.ok ? outcomeOf(emptiedJson(emptied.value), json) : failed(`${emptied.error} (${answer.error})`);
}

function outcomeOf(emptied: EmptiedJson, json: boolean): CommandOutcome {
  const { deleted, left } = emptied;
  const lines = left.map(
    ({ what, server, why, endsInSeconds }) =>
      `igd2pcp: ${what} may still be open at ${server}: ${why}; it ends by itself within ${durationInWords(seconds(endsInSeconds))}\n`,
  );
  const stdout = json
    ? `${JSON.stringify(emptied)}\n`
    : `${deleted === 1 ? '1 mapping is' : `${deleted} mappings are`} deleted\n`;
  return { exitCode: left.length === 0 ? 0 : 1, stdout, stderr: json ? '' : lines.join('') };
}

// `igd2pcp list`: the mappings, as a table or as the API's JSON.

export async function listCommand(call: AdminCall, json: boolean, terminal: Terminal): Promise<CommandOutcome> {
  const list = await askDaemon(call, { method: 'GET', path: '/api/mappings' }, 'mappings');
  if (!list.ok) return failed(list.error);
  return printed(json ? `${JSON.stringify(list.value, undefined, 2)}\n` : listText(list.value, terminal));
}

// `igd2pcp status`: exit code 1 when ports cannot be opened now.

export async function statusCommand(call: AdminCall, json: boolean, terminal: Terminal): Promise<CommandOutcome> {
  const status = await askDaemon(call, { method: 'GET', path: '/api/status' }, 'status');
  if (!status.ok) return failed(status.error);
  const text = json ? `${JSON.stringify(status.value, undefined, 2)}\n` : statusText(status.value, terminal);
  return printed(text, status.value.health.level === 'bad' ? 1 : 0);
}
