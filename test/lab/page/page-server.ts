// The real admin listener over a real socket, with the sample source behind it: what the browser test looks at.
// Prints its address. A line on stdin is a change: "silent", "well", "many", "stop".

import { createInterface } from 'node:readline';
import { IpAddress } from '../../../src/base/ip-address.ts';
import { minutes, seconds } from '../../../src/base/time.ts';
import { adminHandlers } from '../../../src/operator/admin-routes.ts';
import { pageHeaders } from '../../../src/operator/html.ts';
import { presentationPage } from '../../../src/operator/presentation-page.ts';
import { NodeClock } from '../../../src/platform/node-clock.ts';
import { createHttpHost } from '../../../src/platform/node-host.ts';
import { nodeRandom } from '../../../src/platform/node-random.ts';
import { SampleSource, sampleMapping, sampleServer } from '../../operator/sample-source.ts';

const source = new SampleSource();
const clock = new NodeClock();
const http = createHttpHost(clock, (error) => console.error(error));
const { tcp } = adminHandlers({ source, clock, random: nodeRandom, token: () => 'let-me-in' });
const limits = {
  bodyBytes: 65_536,
  headBytes: 16_384,
  headWithin: seconds(10),
  requestWithin: seconds(30),
  takenWithin: seconds(30),
  connections: 64,
  connectionsPerPeer: 32,
};
const place = { kind: 'tcp', endpoint: { address: IpAddress.of('127.0.0.1'), port: 0 } } as const;
const listener = await http.listen(place, limits, async (request) => {
  if (request.path !== '/presentation') return tcp(request);
  const body = presentationPage(source.snapshot(), '192.168.1.10', 'Home router', 'abc');
  return { status: 200, headers: pageHeaders('abc'), body };
});
if (!listener.ok) throw new Error(listener.error);
console.log(`http://127.0.0.1:${listener.value.endpoint.port}`);

const CHANGES: Readonly<Record<string, () => void>> = {
  silent: () => source.become({ servers: [sampleServer({ health: 'down', healthFor: minutes(3) })] }),
  well: () => source.become({ servers: [sampleServer()], mappings: [sampleMapping()] }),
  many: () =>
    source.become({
      mappings: Array.from({ length: 200 }, (_, i) =>
        sampleMapping({ externalPort: 20_000 + i, assignedPort: 20_000 + i }),
      ),
    }),
  stop: () => process.exit(0),
};
createInterface({ input: process.stdin }).on('line', (line) => CHANGES[line]?.());
