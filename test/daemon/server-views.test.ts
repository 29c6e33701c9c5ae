import { describe, expect, it } from 'vitest';
import { ANY_IPV4, IpAddress } from '../../src/base/ip-address.ts';
import { ANY_PORT, portNumber } from '../../src/base/port-number.ts';
import { after, instant, minutes, seconds } from '../../src/base/time.ts';
import { ServerViews } from '../../src/daemon/server-views.ts';
import { Client } from '../../src/pcp/asking/client.ts';
import { DEFAULT_CLIENT_SETTINGS } from '../../src/pcp/asking/client-settings.ts';
import { serverId } from '../../src/pcp/asking/map-outcome.ts';
import { parseNonce } from '../../src/pcp/asking/mapping-nonce.ts';

const START = instant(1_000_000);
const CARRIER = {
  id: serverId('carrier'),
  addresses: [{ endpoint: { address: IpAddress.of('100.64.0.1'), port: 5351 }, source: IpAddress.of('100.64.0.2') }],
};

describe('PCP servers as the operator sees them', () => {
  it('says since when a server has been silent, not since when somebody looked', () => {
    const client = new Client(DEFAULT_CLIENT_SETTINGS, () => 0.5);
    const views = new ServerViews();
    client.setServers([CARRIER], START);
    const nonce = parseNonce('000102030405060708090a0b');
    if (nonce === undefined) throw new Error('not a nonce');
    const request = {
      nonce,
      protocol: 'TCP',
      internalPort: portNumber(8080),
      thirdParty: undefined,
      suggestedPort: ANY_PORT,
      suggestedAddress: ANY_IPV4,
      exactPort: false,
      remotePeers: [],
      lifetimeSeconds: 600,
    } as const;
    client.map(1, request, { kind: 'answer within', budget: minutes(5) }, START);
    let now = START;
    while (client.health() !== 'down' && now < after(START, minutes(5))) {
      now = client.nextWake()?.at ?? after(now, seconds(1));
      client.handleTimeout(now);
    }
    expect(client.health()).toBe('down');
    views.note(client.view(now), now);
    const later = after(now, minutes(10));
    const [view] = views.of(client.view(later), client.currentServer(), later);
    expect(view).toMatchObject({ health: 'down', isCurrent: true, healthFor: minutes(10), version: undefined });
  });
});
