// How a command talks to the running daemon: HTTP over the admin socket, and what is said when that does not work.

import { type Result, refused } from '../base/result.ts';
import { type API_SCHEMAS, parseJson } from '../operator/api-schema.ts';

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
