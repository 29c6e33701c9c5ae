import { describe, expect, it } from 'vitest';
import { portNumber } from '../../src/base/port-number.ts';
import { listeningPorts, Nat1Ports } from '../../src/packet-filter/nat1-ports.ts';

const port = portNumber;

describe('NAT1 ports', () => {
  it('keeps the wished port when it is free, for each protocol apart', () => {
    const ports = new Nat1Ports();
    expect(ports.reserve('TCP', port(6881))).toBe(6881);
    expect(ports.reserve('UDP', port(6881))).toBe(6881);
  });

  it('gives two clients with the same internal port two ports (IWF-51)', () => {
    const ports = new Nat1Ports();
    ports.reserve('UDP', port(3074));
    const second = ports.reserve('UDP', port(3074));
    expect(second).toBeGreaterThanOrEqual(20_000);
    expect(second).toBeLessThan(32_768);
    expect(ports.reserve('UDP', port(3074))).not.toBe(second);
  });

  it('stays away from ports that this box listens on itself', () => {
    const ports = new Nat1Ports();
    ports.setListening('TCP', new Set([22]));
    expect(ports.reserve('TCP', port(22))).not.toBe(22);
    expect(ports.reserve('UDP', port(22))).toBe(22);
  });

  it('says so when none is left, and takes one that came back', () => {
    const ports = new Nat1Ports({ first: port(5000), last: port(5001) });
    expect([1, 2, 3].map(() => ports.reserve('TCP', port(5000)))).toEqual([5000, 5001, undefined]);
    ports.unreserve('TCP', port(5001));
    expect(ports.reserve('TCP', port(5000))).toBe(5001);
  });

  it('takes a port from the mapping file once, even if a program listens there by now', () => {
    const ports = new Nat1Ports();
    ports.setListening('TCP', new Set([8080]));
    expect(ports.reserveExactly('TCP', port(8080))).toBe(true);
    expect(ports.reserveExactly('TCP', port(8080))).toBe(false);
    expect(ports.reserveExactly('TCP', port(0))).toBe(false);
  });

  it('never hands out port 0, which means "any" upstream', () => {
    expect(new Nat1Ports().reserve('TCP', port(0))).toBeGreaterThan(0);
  });
});

describe('ports that programs of this box wait on', () => {
  const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';

  it('finds TCP listeners, and neither connections nor what listens on loopback only', () => {
    const table = [
      '   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1056 1',
      '   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1057 1',
      '   2: 02004064:D431 0100000A:0050 01 00000000:00000000 00:00000000 00000000     0        0 1058 1',
    ].join('\n');
    expect([...listeningPorts('TCP', head + table)]).toEqual([22]);
  });

  it('finds unconnected UDP sockets, IPv6 ones too', () => {
    const table = [
      '  90: 00000000:076C 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 2 2 0 0',
      '  91: 00000000000000000000000000000000:14E7 00000000000000000000000000000000:0000 07 0:0 0:0 0 0 0 3 2 0 0',
      '  92: 00000000000000000000000001000000:14E8 00000000000000000000000000000000:0000 07 0:0 0:0 0 0 0 3 2 0 0',
    ].join('\n');
    expect([...listeningPorts('UDP', head + table)]).toEqual([1900, 5351]);
  });

  it('makes nothing of other text', () => {
    expect([...listeningPorts('TCP', 'x\n\n  : ZZ:QQQQ 0 0A')]).toEqual([]);
  });
});
