// A control point's HTTP over the simulated network.

import type { Host } from '../../src/base/host.ts';
import { endpointText, type IpAddress } from '../../src/base/ip-address.ts';
import { ok, refused } from '../../src/base/result.ts';
import type { ControlPointHttp } from './control-point-http.ts';
import type { SimulatedNetwork } from './simulated-network.ts';

export function simulatedControlPointHttp(
  network: SimulatedNetwork,
  host: Pick<Host, 'http'>,
  own: IpAddress,
): ControlPointHttp {
  return {
    listen: host.http.listen,
    ask: async ({ method, place, headers, body }) => {
      const lower = Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value]));
      const answer = await network.request(own, place.endpoint, { method, path: place.path, headers: lower, body });
      if (answer === undefined) return refused(`${endpointText(place.endpoint)}: nobody listens there`);
      const answered = Object.entries(answer.headers ?? {}).map(
        ([name, value]) => [name.toLowerCase(), value] as const,
      );
      return ok({ status: answer.status, headers: Object.fromEntries(answered), body: answer.body ?? '' });
    },
  };
}
