// A control point's HTTP over real sockets: one connection per request, header names as given, a bounded answer.

import { request } from 'node:http';
import type { Host } from '../../src/base/host.ts';
import { endpointText, type IpAddress } from '../../src/base/ip-address.ts';
import { ok, type Result, refused } from '../../src/base/result.ts';
import type { ControlPointHttp, HttpAsk, HttpGot } from './control-point-http.ts';

const MAX_ANSWER = 1_000_000;

export function nodeControlPointHttp(host: Pick<Host, 'http'>, own: IpAddress): ControlPointHttp {
  return { listen: host.http.listen, ask: (ask) => askOverSocket(ask, own) };
}

function askOverSocket(ask: HttpAsk, own: IpAddress): Promise<Result<HttpGot, string>> {
  const { endpoint, path } = ask.place;
  const body = Buffer.from(ask.body, 'utf8');
  return new Promise((resolve) => {
    const outgoing = request(
      {
        host: endpoint.address.text,
        port: endpoint.port,
        localAddress: own.text,
        method: ask.method,
        path,
        headers: {
          Host: endpointText(endpoint),
          ...Object.fromEntries(ask.headers),
          ...(ask.method === 'POST' || body.length > 0 ? { 'Content-Length': body.length } : {}),
        },
        agent: false,
        signal: AbortSignal.timeout(ask.within),
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        let size = 0;
        incoming.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > MAX_ANSWER) incoming.destroy(new Error('the answer is too long'));
          else chunks.push(chunk);
        });
        incoming.on('end', () => {
          const headers: Record<string, string> = {};
          for (const [name, value] of Object.entries(incoming.headers)) headers[name] = String(value);
          resolve(ok({ status: incoming.statusCode ?? 0, headers, body: Buffer.concat(chunks).toString('utf8') }));
        });
        incoming.on('error', (error) => resolve(refused(error.message)));
      },
    );
    outgoing.on('error', (error) => resolve(refused(`${endpointText(endpoint)}: ${error.message}`)));
    outgoing.end(body);
  });
}
