import { describe, expect, it } from 'vitest';
import { milliseconds, seconds } from '../../src/base/time.ts';
import { Counter } from '../../src/operator/metric.ts';
import { Metrics } from '../../src/operator/metrics.ts';
import { sampleSnapshot } from './sample-source.ts';

const FIGURES = {
  residentBytes: 60e6,
  heapBytes: 20e6,
  cpuSeconds: 1.5,
  eventLoopDelay: milliseconds(12),
  logLinesDropped: 0,
};

function sampleOf(text: string, series: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

describe('Metrics', () => {
  it('counts what it is told', () => {
    const metrics = new Metrics();
    metrics.upnpAnswered('AddPortMapping', 'ok', milliseconds(30));
    metrics.upnpAnswered('AddPortMapping', '718', milliseconds(3));
    metrics.datagramIgnored('http', 'foreign host');
    metrics.renewed('granted');
    metrics.mappingRefused('NO_RESOURCES');
    metrics.mappingRemoved('expired');
    metrics.serverLostState();
    metrics.recovered(seconds(5.5));
    const natCounts = { rules: 3, elements: 6, transactions: 9, failures: 1 };
    const wan = { interfaceName: 'wan', nat: 'nftables', natProblem: undefined, natCounts } as const;
    const text = metrics.text(sampleSnapshot({ wan, releasesOwed: 5 }), FIGURES);
    expect(sampleOf(text, 'igd2pcp_upnp_requests_total{action="AddPortMapping",result="718"}')).toBe(1);
    const server = 'server="pcp:192.0.2.1"';
    expect(sampleOf(text, `igd2pcp_pcp_retransmissions_total{${server}}`)).toBe(3);
    expect(sampleOf(text, `igd2pcp_pcp_packets_sent_total{${server},kind="map"}`)).toBe(20);
    expect(sampleOf(text, `igd2pcp_pcp_answers_total{${server},result="NO_RESOURCES"}`)).toBe(2);
    expect(sampleOf(text, `igd2pcp_pcp_round_trip_seconds_bucket{${server},le="0.01"}`)).toBe(4);
    expect(sampleOf(text, `igd2pcp_pcp_round_trip_seconds_bucket{${server},le="+Inf"}`)).toBe(20);
    expect(sampleOf(text, `igd2pcp_pcp_round_trip_seconds_sum{${server}}`)).toBe(0.26);
    expect(sampleOf(text, 'igd2pcp_searches_ignored_total{reason="not ours"}')).toBe(7);
    expect(sampleOf(text, 'igd2pcp_events_total{result="failed"}')).toBe(2);
    expect(sampleOf(text, 'igd2pcp_pcp_strangers_total')).toBe(4);
    expect(sampleOf(text, 'igd2pcp_nat_failures_total')).toBe(1);
    expect(sampleOf(text, 'igd2pcp_recovery_seconds_sum')).toBe(5.5);
    expect(sampleOf(text, 'igd2pcp_releases_owed')).toBe(5);
    expect(sampleOf(text, 'igd2pcp_mappings{state="degraded"}')).toBe(1);
    expect(sampleOf(text, 'igd2pcp_server_up{server="pcp:192.0.2.1",current="true"}')).toBe(1);
    expect(sampleOf(text, 'process_resident_memory_bytes')).toBe(60e6);
  });

  it('is well-formed Prometheus text: every sample belongs to a family with help and type', () => {
    const metrics = new Metrics();
    metrics.upnpAnswered('Evil"\n\\Action', 'ok', milliseconds(1));
    const families = new Set<string>();
    for (const line of metrics.text(sampleSnapshot(), FIGURES).trimEnd().split('\n')) {
      const type = /^# TYPE (\S+) (?:counter|gauge|histogram)$/.exec(line);
      if (type !== null) families.add(type[1] ?? '');
      if (line.startsWith('#')) continue;
      const sample =
        /^([a-z0-9_]+?)(?:_bucket|_sum|_count)?(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)+\})? [0-9.e+-]+$/.exec(line);
      expect(sample, line).not.toBeNull();
      expect(
        [...families].some((family) => line.startsWith(family)),
        line,
      ).toBe(true);
    }
  });
});

describe('Counter', () => {
  it('cannot be blown up by label values that peers choose', () => {
    const counter = new Counter('x_total', 'x');
    for (let i = 0; i < 10_000; i += 1) counter.add({ action: `a${i}` });
    expect(counter.text().split('\n').length).toBeLessThan(210);
    expect(counter.valueOf({ action: 'other' })).toBe(9800);
  });
});
