import { describe, expect, it } from 'vitest';
import type { UdpSocket } from '../../src/base/host.ts';
import { type Endpoint, IpAddress } from '../../src/base/ip-address.ts';
import { nodeUdp } from '../../src/platform/udp-sockets.ts';

const LOOPBACK = IpAddress.of('127.0.0.1');

async function open(
  options: Parameters<typeof nodeUdp.open>[0],
  listener: Parameters<typeof nodeUdp.open>[1],
): Promise<UdpSocket> {
  const result = await nodeUdp.open(options, listener);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

describe('UDP sockets', () => {
  it('a connected socket knows its own address (RFC 6887 §8.1, P-05) and gets the answer', async () => {
    const server: UdpSocket = await open(
      { address: LOOPBACK },
      { datagram: (bytes, from) => server.send(Uint8Array.of(...bytes, 9), from) },
    );
    const heard: [number[], Endpoint][] = [];
    let arrived: () => void = () => {};
    const arrival = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const client = await open(
      { peer: server.local },
      {
        datagram: (bytes, from) => {
          heard.push([[...bytes], from]);
          arrived();
        },
      },
    );
    expect(client.local.address.text).toBe('127.0.0.1');
    expect(client.local.port).toBeGreaterThan(1023);
    client.send(Uint8Array.of(1, 2));
    await arrival;
    expect(heard).toEqual([[[1, 2, 9], server.local]]);
    client.close();
    server.close();
    client.send(Uint8Array.of(3));
  });

  it('an ICMP refusal reaches the owner of a connected socket', async () => {
    const doomed = await open({ address: LOOPBACK }, { datagram: () => {} });
    const peer = doomed.local;
    doomed.close();
    await new Promise<void>((resolve) => {
      void open({ peer }, { datagram: () => {}, unreachable: resolve }).then((client) => client.send(Uint8Array.of(1)));
    });
  });

  it('so does one that came while more packets were sent', async () => {
    const doomed = await open({ address: LOOPBACK }, { datagram: () => {} });
    const peer = doomed.local;
    doomed.close();
    await new Promise<void>((resolve) => {
      void open({ peer }, { datagram: () => {}, unreachable: resolve }).then((client) => {
        // The system tells the first one's refusal to the second one's send, which leaves nothing to be read.
        client.send(Uint8Array.of(1));
        client.send(Uint8Array.of(2));
      });
    });
  });

  it('two sockets can hear the same multicast group on one port', async () => {
    const group = IpAddress.of('224.0.0.251');
    const multicast = { group, onInterface: LOOPBACK };
    const port = 45_350 + (process.pid % 1000);
    const first = await open({ port, multicast }, { datagram: () => {} });
    const second = await open({ port, multicast }, { datagram: () => {} });
    expect([first.local.port, second.local.port]).toEqual([port, port]);
    first.close();
    second.close();
  });

  it('says in words why a socket could not be opened', async () => {
    const taken = await open({ address: LOOPBACK }, { datagram: () => {} });
    const result = await nodeUdp.open({ address: LOOPBACK, port: taken.local.port }, { datagram: () => {} });
    expect(result.ok ? '' : result.error).toContain(`port ${taken.local.port}`);
    taken.close();
  });
});
