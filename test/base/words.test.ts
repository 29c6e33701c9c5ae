import { describe, expect, it } from 'vitest';
import { earliestWake } from '../../src/base/machine.ts';
import { isInPortRange, parsePortNumber, parsePortRange, portNumber } from '../../src/base/port-number.ts';
import { instant } from '../../src/base/time.ts';
import { parseTransportProtocol, transportProtocolOf } from '../../src/base/transport-protocol.ts';

describe('ports', () => {
  it('accepts 0–65535 and nothing else', () => {
    expect(parsePortNumber('0')).toBe(0);
    expect(parsePortNumber(' 65535 ')).toBe(65535);
    for (const text of ['65536', '-1', '1e3', '0x50', '', '80.0', '8 0', '99999999999']) {
      expect(parsePortNumber(text), text).toBeUndefined();
    }
    expect(() => portNumber(70000)).toThrow(RangeError);
  });

  it('reads ranges, and single ports as ranges', () => {
    expect(parsePortRange('1024-65535')).toEqual({ first: 1024, last: 65535 });
    expect(parsePortRange('5000')).toEqual({ first: 5000, last: 5000 });
    for (const text of ['9-8', '-', '1-70000', 'a-b', '']) expect(parsePortRange(text), text).toBeUndefined();
    const range = { first: portNumber(10), last: portNumber(20) };
    expect([9, 10, 20, 21].map((port) => isInPortRange(portNumber(port), range))).toEqual([false, true, true, false]);
  });
});

describe('transport protocols', () => {
  it('knows TCP and UDP in any capitalisation (RFC 6970 §4.1, IWF-11)', () => {
    expect(parseTransportProtocol('tcp')).toBe('TCP');
    expect(parseTransportProtocol(' UDP ')).toBe('UDP');
    expect(parseTransportProtocol('SCTP')).toBeUndefined();
    expect([6, 17, 132].map(transportProtocolOf)).toEqual(['TCP', 'UDP', undefined]);
  });
});

describe('wakes', () => {
  it('the earliest one wins, and no wake is no wake', () => {
    const late = { at: instant(20), why: 'late' };
    const soon = { at: instant(10), why: 'soon' };
    expect(earliestWake([undefined, late, soon])).toBe(soon);
    expect(earliestWake([undefined])).toBeUndefined();
  });
});
