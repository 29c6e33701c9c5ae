// The host interface over Node.js, put together. Nothing is opened until somebody asks for it.

import type { Host, RandomSource } from '../base/host.ts';
import type { Log } from '../base/log.ts';
import { NodeFiles } from './files.ts';
import { createHttpHost } from './http-host.ts';
import { nodeNetwork } from './network-view.ts';
import { NodeClock } from './node-clock.ts';
import { keyedHash, nodeRandom } from './node-random.ts';
import { NodePrograms } from './programs.ts';
import { nodeSoleUses } from './sole-use.ts';
import { nodeSsdp } from './ssdp-sockets.ts';
import { nodeUdp } from './udp-sockets.ts';

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
