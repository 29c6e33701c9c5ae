// HTTP as the host interface wants it: listening is the server's business, calling the client's.

import type { HttpHost } from '../base/http.ts';
import { callHttp } from './http-client.ts';
import { listenHttp, type ReportBug } from './http-server.ts';
import type { NodeClock } from './node-clock.ts';
import { UnreadAnswers } from './unread-answers.ts';

export function createHttpHost(clock: NodeClock, reportBug: ReportBug): HttpHost {
  // One for all listeners: they share the memory.
  const unread = new UnreadAnswers(clock);
  return {
    listen: (place, limits, handler) => listenHttp(place, limits, handler, unread, reportBug),
    call: (call) => callHttp(clock, call),
  };
}
