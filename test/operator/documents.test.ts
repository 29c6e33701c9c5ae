import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { milliseconds } from '../../src/base/time.ts';
import { upnpErrorOf } from '../../src/lan/igd/upnp-refusal.ts';
import { Metrics } from '../../src/operator/metrics.ts';
import { resultName } from '../../src/pcp/asking/result-code.ts';
import { CLIENTS } from '../doubles/clients/client-catalogue.ts';
import { sampleSnapshot } from './sample-source.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

describe('carriers.md', () => {
  const rows = [...read('src/doctor/carriers.md').matchAll(/^\| ([A-Z_]+) \((\d+)\) \| (\d+) \| (\d+) \|/gm)];

  it.each(rows.map(([, name, code, igd1, igd2]) => [name, Number(code), Number(igd1), Number(igd2)] as const))(
    'says truly what a control point sees of %s (RFC 6970 §4.3)',
    (name, code, igd1, igd2) => {
      expect(resultName(code)).toBe(name);
      const no = { reason: 'upstream refused', why: '', code, lifetimeSeconds: 0 } as const;
      expect([upnpErrorOf(no, 'AddPortMapping', 1), upnpErrorOf(no, 'AddPortMapping', 2)]).toEqual([igd1, igd2]);
    },
  );

  it('has a row for what carriers really answer', () => {
    expect(rows.length).toBeGreaterThanOrEqual(10);
  });
});

describe('grafana-dashboard.json', () => {
  it('asks only for metrics there are', () => {
    const figures = {
      residentBytes: 1,
      heapBytes: 1,
      cpuSeconds: 1,
      eventLoopDelay: milliseconds(1),
      logLinesDropped: 0,
    };
    const names = new Set(
      [...new Metrics().text(sampleSnapshot(), figures).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name),
    );
    const dashboard: { panels: { targets: { expr: string }[] }[] } = JSON.parse(
      read('src/operator/grafana-dashboard.json'),
    );
    const asked = dashboard.panels.flatMap(({ targets }) =>
      targets.flatMap(({ expr }) => expr.match(/(?:igd2pcp|process)_[a-z_]+/g) ?? []),
    );
    expect(asked.length).toBeGreaterThan(15);
    for (const name of asked) expect(names, name).toContain(name.replace(/_bucket$/, ''));
  });
});

describe('clients.md', () => {
  it('has a row for every client the harness plays, and no other', () => {
    const titles = [...read('src/lan/igd/clients.md').matchAll(/^\| ([^|]+) \| [^|]+ \| yes \|/gm)].map(
      ([, title]) => title,
    );
    expect(titles.sort()).toEqual(CLIENTS.map(({ title }) => title).sort());
  });
});
