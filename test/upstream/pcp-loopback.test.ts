import { expect, it } from 'vitest';
import { Driver } from '../../src/base/drive.ts';
import { ANY_IPV4, IpAddress } from '../../src/base/ip-address.ts';
import { SILENT_LOG } from '../../src/base/log.ts';
import { portNumber } from '../../src/base/port-number.ts';
import { after, seconds } from '../../src/base/time.ts';
import { nonceFromBytes } from '../../src/pcp/asking/mapping-nonce.ts';
import { createNodeHost } from '../../src/platform/node-host.ts';
import { createPcpSession } from '../../src/upstream/pcp-session.ts';
import { attachSimulator } from '../doubles/attach-simulator.ts';

it('over real sockets on loopback: maps, releases, and takes a closed port for a hint only (P-01, RFC 5927 §4)', async () => {
  const host = createNodeHost(SILENT_LOG);
  const simulator = await attachSimulator(host, { address: IpAddress.of('127.0.0.1'), port: 0 });
  const { port } = simulator.endpoint;
  const driver = new Driver(host.clock);
  const session = await createPcpSession({
    host,
    driver,
    config: {
      servers: [{ kind: 'server', addresses: [{ host: '127.0.0.1', port: portNumber(port) }] }],
      dhcpFile: '',
      emulatePreferFailure: false,
      natPmp: true,
      maxInFlight: 16,
      rate: 50,
    },
  });
  try {
    const key = {
      protocol: 'TCP',
      internalPort: portNumber(40080),
      thirdParty: undefined,
      nonce: nonceFromBytes(new Uint8Array(12).fill(7)),
    } as const;
    const wish = { suggestedPort: portNumber(8080), suggestedAddress: ANY_IPV4, exactPort: true, lifetimeSeconds: 600 };
    const request = { ...key, ...wish, remotePeers: [] };
    const patience = { kind: 'answer within', budget: seconds(20) } as const;
    expect(await session.map(request, patience)).toMatchObject({ kind: 'granted', assignedPort: 8080 });
    expect(session.sourceAddress()?.text).toBe('127.0.0.1');
    expect(session.health()).toBe('up');
    expect(await session.release(key, after(host.clock.now(), seconds(20)))).toMatchObject({ kind: 'released' });
    simulator.close();
    const brief = { kind: 'answer within', budget: seconds(0.2) } as const;
    expect(await session.map(request, brief)).toEqual({ kind: 'unanswered', why: 'no answer in time' });
    expect(session.health()).toBe('up');
  } finally {
    session.close();
    driver.close();
  }
});
