// The host interface over Node.js, put together. Nothing is opened until somebody asks for it.

import { request } from 'node:http';
import type { Host, RandomSource } from '../base/host.ts';
import type { HttpCall, HttpHost } from '../base/http.ts';
import { endpointText } from '../base/ip-address.ts';
import type { Log } from '../base/log.ts';
import { ok, type Result, refused } from '../base/result.ts';
import { after } from '../base/time.ts';
import { NodeFiles } from './files.ts';
import { listenHttp, type ReportBug } from './http-server.ts';
import { nodeNetwork } from './network-view.ts';
import { NodeClock } from './node-clock.ts';
import { keyedHash, nodeRandom } from './node-random.ts';
import { NodePrograms } from './programs.ts';
import { nodeSoleUses } from './sole-use.ts';
import { nodeSsdp } from './ssdp-sockets.ts';
import { nodeUdp } from './udp-sockets.ts';
import { UnreadAnswers } from './unread-answers.ts';

export function createNodeHost(log: Log, random: RandomSource = nodeRandom): Host {
  const clock = new NodeClock();
  return {
    clock,
    random,
    log,
    udp: nodeUdp,
    http: createHttpHost(clock, (error) => {
      log.error('a request met a bug of igd2pcp: please report it', { error: String((error as Error).stack ?? error) });
    }),
    ssdp: nodeSsdp,
    files: new NodeFiles(),
    network: nodeNetwork,
    programs: new NodePrograms(clock),
    soleUses: nodeSoleUses,
    keyedHash,
  };
}

// HTTP as the host interface wants it: listening is the server's business, calling the client's.

export function createHttpHost(clock: NodeClock, reportBug: ReportBug): HttpHost {
  // One for all listeners: they share the memory.
  const unread = new UnreadAnswers(clock);
  return {
    listen: (place, limits, handler) => listenHttp(place, limits, handler, unread, reportBug),
    call: (call) => callHttp(clock, call),
  };
}

// One HTTP request to an address literal: event notifications to subscribers. No redirects, no pooling, one deadline
// over everything, the answer's body thrown away.

function callHttp(clock: NodeClock, call: HttpCall): Promise<Result<number, string>> {
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
