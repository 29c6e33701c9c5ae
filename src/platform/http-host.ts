// HTTP as the host interface wants it: listening is the server's business, calling the client's.

import type { HttpHost } from '../base/http.ts';
import { callHttp } from './http-client.ts';
import { listenHttp } from './http-server.ts';
import type { NodeClock } from './node-clock.ts';

export function createHttpHost(clock: NodeClock): HttpHost {
  return { listen: listenHttp, call: (call) => callHttp(clock, call) };
}
