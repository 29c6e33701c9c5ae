// One HTTP request to an address literal: event notifications to subscribers. No redirects, no pooling, one deadline
// over everything, the answer's body thrown away.

import { request } from 'node:http';
import type { HttpCall } from '../base/http.ts';
import { endpointText } from '../base/ip-address.ts';
import { ok, type Result, refused } from '../base/result.ts';
import { after } from '../base/time.ts';
import type { NodeClock } from './node-clock.ts';

export function callHttp(clock: NodeClock, call: HttpCall): Promise<Result<number, string>> {
  return new Promise((resolve) => {
    const where = endpointText(call.endpoint);
    const outgoing = request(
      {
        host: call.endpoint.address.text,
        port: call.endpoint.port,
        method: call.method,
        path: call.path,
        headers: { ...call.headers, 'content-length': String(new TextEncoder().encode(call.body).length) },
        agent: false,
      },
      (answer) => {
        settle(ok(answer.statusCode ?? 0));
        answer.destroy();
      },
    );
    const cancel = clock.wakeAt(after(clock.now(), call.within), () => {
      settle(refused(`${where} did not answer within ${call.within / 1000} s`));
      outgoing.destroy();
    });
    const settle = (result: Result<number, string>): void => {
      cancel();
      resolve(result);
    };
    outgoing.on('error', (error) => settle(refused(`${where}: ${error.message}`)));
    outgoing.end(call.body);
  });
}
