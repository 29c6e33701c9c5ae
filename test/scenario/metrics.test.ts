// What the operator's figures say after things have happened: each is counted where it happens, and once.

import { expect, it } from 'vitest';
import { hours, minutes, seconds } from '../../src/base/time.ts';
import { DaemonWorld } from '../doubles/daemon-world.ts';

const figure = (world: DaemonWorld, series: string): number | undefined => {
  const line = world.daemon.operator
    .metrics()
    .split('\n')
    .find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
};

it('counts actions, the NAT and the times a server lost its state', async () => {
  const world = await DaemonWorld.open({ nat: 'nftables' });
  const desk = world.computer('192.168.1.20');
  expect(await desk.add({ external: 5001, lease: 0 })).toBe('ok');
  await world.passes(hours(2));
  expect(figure(world, 'igd2pcp_upnp_requests_total{action="AddPortMapping",result="ok"}')).toBe(1);
  expect(figure(world, 'igd2pcp_nat_rules')).toBe(1);
  expect(figure(world, 'igd2pcp_nat_failures_total')).toBe(0);
  expect(figure(world, 'igd2pcp_recoveries_total') ?? 0).toBe(0);
  world.carrier.restarts({ announce: true, keepTable: false });
  await world.passes(seconds(30));
  expect(figure(world, 'igd2pcp_recoveries_total')).toBe(1);
  expect(figure(world, 'igd2pcp_recovery_seconds_count')).toBeGreaterThanOrEqual(1);
  await world.passes(minutes(10));
  expect(figure(world, 'igd2pcp_mappings{state="granted"}')).toBe(1);
});
