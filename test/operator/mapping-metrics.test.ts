import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { portNumber } from '../../src/base/port-number.ts';
import { hours, instant, milliseconds, minutes, seconds } from '../../src/base/time.ts';
import type { Mapping } from '../../src/mapping/mapping.ts';
import { MappingMetrics } from '../../src/operator/mapping-metrics.ts';
import { Metrics } from '../../src/operator/metrics.ts';
import { sampleSnapshot, TEN_OCLOCK } from './sample-source.ts';

const HOST = IpAddress.of('192.168.1.10');

const mapping = (
  port: number,
  upstream: Partial<Mapping['upstream']> = {},
  state: Mapping['state'] = 'granted',
): Mapping => ({
  protocol: 'TCP',
  externalPort: portNumber(port),
  remoteHost: '',
  remotePeers: [],
  internalClient: HOST,
  internalPort: portNumber(port),
  description: '',
  madeBy: { address: HOST, name: '', via: 'IGD:1' },
  isPublished: true,
  createdAt: TEN_OCLOCK,
  leaseEndsAt: undefined,
  leaseSeconds: 0,
  nat1Port: undefined,
  upstream: {
    server: 'pcp:192.0.2.1',
    nonce: '000102030405060708090a0b',
    internalAddress: HOST,
    internalPort: portNumber(port),
    isThirdParty: true,
    assignedAddress: IpAddress.of('198.51.100.7'),
    assignedPort: portNumber(port),
    grantedAt: instant(0),
    expiresAt: instant(hours(1)),
    renewAt: instant(minutes(30)),
    window: 1,
    ...upstream,
  },
  state,
});

function watched() {
  const metrics = new Metrics();
  const watch = new MappingMetrics(metrics);
  const figures = {
    residentBytes: 0,
    heapBytes: 0,
    cpuSeconds: 0,
    eventLoopDelay: milliseconds(0),
    logLinesDropped: 0,
  };
  const has = (line: string): boolean => metrics.text(sampleSnapshot(), figures).split('\n').includes(line);
  const update = (now: Mapping, previous: Mapping, at: number): void =>
    watch.tableChanged([{ kind: 'updated', mapping: now, previous, isVisible: false }], instant(at));
  return { watch, has, update };
}

describe('MappingMetrics', () => {
  it('counts a renewal by its grant, and a window that passed without one (RFC 6887 §11.2.1)', () => {
    const { has, update } = watched();
    update(mapping(1, { window: 2 }), mapping(1), minutes(31));
    update(mapping(1, { grantedAt: instant(minutes(40)) }), mapping(1, { window: 2 }), minutes(40));
    expect(has('igd2pcp_renewals_total{result="not granted"} 1')).toBe(true);
    expect(has('igd2pcp_renewals_total{result="granted"} 1')).toBe(true);
  });

  it('measures a recovery from the first doubt to the last mapping that is there again (RFC 6887 §14.1.3)', () => {
    const { has, update, watch } = watched();
    update(mapping(1, {}, 'restoring'), mapping(1), seconds(10));
    update(mapping(2, {}, 'restoring'), mapping(2), seconds(10));
    update(mapping(1), mapping(1, {}, 'restoring'), seconds(13));
    expect(has('igd2pcp_recovery_seconds_count 0')).toBe(true);
    watch.tableChanged([{ kind: 'removed', mapping: mapping(2), reason: 'lost', why: '' }], instant(seconds(16)));
    expect(has('igd2pcp_recovery_seconds_sum 6')).toBe(true);
    expect(has('igd2pcp_mappings_removed_total{reason="lost"} 1')).toBe(true);
  });
});
