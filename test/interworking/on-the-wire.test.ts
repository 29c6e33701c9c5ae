// What actually leaves the box, byte by byte: the whole daemon, every action, read by a decoder that shares no line with
// the one that is tested.

import { describe, expect, it } from 'vitest';
import { endpointText } from '../../src/base/ip-address.ts';
import { seconds } from '../../src/base/time.ts';
import { CARRIER, DaemonWorld } from '../doubles/daemon-world.ts';

const DESK = '192.168.1.20';

interface Seen {
  readonly opcode: number;
  readonly lifetime: number;
  readonly internalPort: number;
  readonly suggestedPort: number;
  readonly options: readonly number[];
}

/** RFC 6887 §7.1, §11.1, §7.3 by offsets alone; throws at the first octet out of place. */
function readPcp(bytes: Uint8Array): Seen {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const opcode = bytes[1] ?? 255;
  if (bytes.length < 24 || bytes.length > 1100 || bytes.length % 4 !== 0) throw new Error(`length ${bytes.length}`);
  if (bytes[0] !== 2 || opcode > 3 || view.getUint16(2) !== 0) throw new Error('header');
  const isMapped = bytes.subarray(8, 20).every((octet, index) => octet === (index < 10 ? 0 : 0xff));
  if (!isMapped) throw new Error('client address');
  const options: number[] = [];
  for (let at = opcode === 1 ? 60 : 24; at < bytes.length; ) {
    const length = view.getUint16(at + 2);
    options.push(bytes[at] ?? 0);
    if (bytes[at + 1] !== 0) throw new Error('reserved octet of an option');
    at += 4 + Math.ceil(length / 4) * 4;
    if (at > bytes.length) throw new Error('option beyond the end');
  }
  if (opcode !== 1) return { opcode, lifetime: view.getUint32(4), internalPort: 0, suggestedPort: 0, options };
  if (![6, 17].includes(bytes[36] ?? 0) || bytes[37] !== 0 || view.getUint16(38) !== 0) throw new Error('MAP body');
  return {
    opcode,
    lifetime: view.getUint32(4),
    internalPort: view.getUint16(40),
    suggestedPort: view.getUint16(42),
    options,
  };
}

async function watched(nat: 'none' | 'nftables') {
  const world = await DaemonWorld.open({ nat, settings: { 'lan.ssdp': 'false', 'pcp.probe': '"rfc"' } });
  const seen: Seen[] = [];
  const { network } = world.simulated;
  const { watch } = network;
  network.watch = (datagram) => {
    watch(datagram);
    if (endpointText(datagram.to) === `${CARRIER}:5351`) seen.push(readPcp(datagram.bytes));
  };
  return { world, seen };
}

describe('every action', () => {
  for (const nat of ['none', 'nftables'] as const)
    it(`leaves well-formed PCP, or nothing (RFC 6970 §3, IWF-01, nat ${nat})`, async () => {
      const { world, seen } = await watched(nat);
      const desk = world.computer(DESK, 2);
      expect(await desk.add({ external: 6881, internal: 6882, lease: 600 })).toBe('ok');
      expect(seen.filter((one) => one.opcode === 1)).toMatchObject([
        { lifetime: 600, suggestedPort: 6881, options: expect.arrayContaining(nat === 'none' ? [1, 2] : [2]) },
      ]);
      expect(await desk.addAny({ external: 7000, remoteHost: '203.0.113.9' })).toBe(7000);
      expect(seen.at(-1)?.options).toContain(3);
      expect(await desk.entry({ external: 6999 })).toBeUndefined();
      expect(seen.at(-1)).toMatchObject({ lifetime: 60, suggestedPort: 6999 });
      const before = seen.length;
      expect(await desk.listing()).toHaveLength(2);
      expect(await desk.externalAddress()).not.toBe('');
      expect(await desk.connectionStatus()).toBe('Connected');
      expect(seen).toHaveLength(before);
      expect(await desk.delete({ external: 6881 })).toBe('ok');
      expect(seen.at(-1)).toMatchObject({ opcode: 1, lifetime: 0, suggestedPort: 0 });
      expect(await desk.deleteRange(6000, 8000)).toBe('ok');
      await world.passes(seconds(70));
      expect(world.carrier.ports().filter((port) => port > 6000 && port < 8000)).toEqual([]);
    });

  it('firewall actions are none of interworking’s business: no packet leaves (RFC 6970 §5.2, IWF-43, Q-24)', async () => {
    const { world, seen } = await watched('none');
    const desk = world.computer(DESK, 2);
    const before = seen.filter((one) => one.opcode === 1).length;
    const answers = [
      desk.asks('GetFirewallStatus', []),
      desk.asks('AddPinhole', [
        ['RemoteHost', ''],
        ['RemotePort', '0'],
        ['InternalClient', '2001:db8::20'],
        ['InternalPort', '6881'],
        ['Protocol', '6'],
        ['LeaseTime', '3600'],
      ]),
    ];
    await world.passes(seconds(10));
    await Promise.all(answers);
    expect(seen.filter((one) => one.opcode === 1)).toHaveLength(before);
    expect(world.table()).toEqual([]);
  });
});
