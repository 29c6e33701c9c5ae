// SSDP as a control point writes and reads it: a search from a port of its own, and whoever answers in time.

import type { Host } from '../../src/base/host.ts';
import type { Endpoint, IpAddress } from '../../src/base/ip-address.ts';
import { ok, type Result } from '../../src/base/result.ts';
import { SSDP_GROUP, SSDP_PORT, type SsdpMessage } from '../../src/base/ssdp-socket.ts';
import { after, type Duration, milliseconds } from '../../src/base/time.ts';

export interface SsdpAnswer {
  readonly target: string;
  readonly usn: string;
  readonly location: string;
  readonly from: Endpoint;
}

export interface SearchRequest {
  /** Header lines as this client writes them, so that its quirks reach the wire. */
  readonly lines: readonly string[];
  /** The group, or a gateway's own address (UDA 1.1 §1.3.2 unicast search). */
  readonly to?: IpAddress;
  readonly patience: Duration;
}

/** Header names in upper case, as the daemon's own sockets deliver them. Undefined when there is no start line. */
export function parseSsdp(text: string): SsdpMessage | undefined {
  const [startLine = '', ...lines] = text.split(/\r?\n/);
  if (startLine.trim() === '') return undefined;
  const headers = lines.flatMap((line) => {
    const [, name, value] = /^([^:]+):\s*(.*)$/.exec(line) ?? [];
    return name === undefined || value === undefined ? [] : [[name.toUpperCase(), value] as const];
  });
  return { startLine: startLine.trim(), headers };
}

export async function search(
  host: Pick<Host, 'udp' | 'clock'>,
  own: IpAddress,
  request: SearchRequest,
): Promise<Result<readonly SsdpAnswer[], string>> {
  const answers: SsdpAnswer[] = [];
  const opened = await host.udp.open(
    { address: own },
    {
      datagram: (bytes, from) => {
        const answer = readAnswer(new TextDecoder().decode(bytes), from);
        if (answer !== undefined) answers.push(answer);
      },
    },
  );
  if (!opened.ok) return opened;
  const text = `M-SEARCH * HTTP/1.1\r\n${request.lines.join('\r\n')}\r\n\r\n`;
  opened.value.send(new TextEncoder().encode(text), { address: request.to ?? SSDP_GROUP, port: SSDP_PORT });
  await pause(host, request.patience);
  opened.value.close();
  return ok(answers);
}

export function pause(host: Pick<Host, 'clock'>, span: Duration): Promise<void> {
  return new Promise((resolve) => {
    host.clock.wakeAt(after(host.clock.now(), milliseconds(span)), resolve);
  });
}

/** Strict where real clients are: the status line of async_upnp_client, the three headers everybody reads. */
function readAnswer(text: string, from: Endpoint): SsdpAnswer | undefined {
  const message = parseSsdp(text);
  if (message?.startLine !== 'HTTP/1.1 200 OK') return undefined;
  const header = (name: string): string => message.headers.find(([key]) => key === name)?.[1].trim() ?? '';
  const answer = { target: header('ST'), usn: header('USN'), location: header('LOCATION'), from };
  return answer.location === '' ? undefined : answer;
}
