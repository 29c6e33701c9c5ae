// A gateway upstream that speaks NAT-PMP and nothing newer (RFC 6886): what works without options, nonces and third
// parties works, the rest is refused at once.

import { describe, expect, it } from 'vitest';
import { hours, minutes, seconds } from '../../src/base/time.ts';
import { disagreements } from '../doubles/agreement.ts';
import { DaemonWorld } from '../doubles/daemon-world.ts';

const DESK = '192.168.1.20';
const NAT_PMP = { faults: { speaks: 'NAT-PMP' } } as const;
const EMULATED = { 'pcp.emulate_prefer_failure': 'true' };

describe('a NAT-PMP gateway upstream', () => {
  it.each([false, true])(
    'is found out, whichever form its refusal has (RFC 6886 §3.5, P-59, P-60; with opcode: %s)',
    async (refusalRepeatsOpcode) => {
      const carrier = { faults: { ...NAT_PMP.faults, refusalRepeatsOpcode } };
      const world = await DaemonWorld.open({ carrier, settings: EMULATED });
      const desk = world.computer(DESK, 2);
      expect(await desk.externalAddress()).toBe('1.2.3.4');
      expect(await desk.addAny({ external: 5001 })).toBe(5001);
      expect(await desk.add({ external: 5002, protocol: 'UDP' })).toBe('ok');
      expect(world.logged(/NAT-PMP/).length).toBeGreaterThan(0);
      expect(await disagreements(world)).toEqual([]);
    },
  );

  it('keeps an hour of lease over grants of two minutes, and deletes at its end (RFC 6886 §3.3, §3.4)', async () => {
    const carrier = { ...NAT_PMP, options: { longestLifetime: seconds(120) } };
    const world = await DaemonWorld.open({ carrier, settings: EMULATED });
    expect(await world.computer(DESK).add({ external: 5001, lease: 3600 })).toBe('ok');
    for (let minute = 1; minute < 60; minute += 3) {
      await world.passes(minutes(3));
      if (minute < 57) expect(world.carrier.ports()).toEqual([5001]);
    }
    await world.passes(minutes(1));
    expect(world.tableText()).toEqual([]);
    expect(world.carrier.ports()).toEqual([]);
  });

  it('cannot promise a port: with emulation another one is given back and 718 said (RFC 6970 §5.6.2, Q-07)', async () => {
    const world = await DaemonWorld.open({ carrier: NAT_PMP, settings: EMULATED });
    const desk = world.computer(DESK);
    world.carrier.givesAway(5001);
    expect(await desk.add({ external: 5001 })).toBe('error 718');
    await world.passes(minutes(1));
    expect(world.carrier.ports()).toEqual([]);
    expect(await desk.add({ external: 6002 })).toBe('ok');
    expect(await disagreements(world)).toEqual([]);
  });

  it('that restarts has everything again (RFC 6886 §3.7)', async () => {
    const world = await DaemonWorld.open({ carrier: NAT_PMP, settings: EMULATED });
    const desk = world.computer(DESK);
    for (const port of [5001, 5002, 5003]) expect(await desk.add({ external: port, lease: 0 })).toBe('ok');
    await world.passes(minutes(5));
    world.carrier.restarts({ announce: true, keepTable: false });
    await world.passes(seconds(20));
    expect(world.carrier.ports()).toEqual([5001, 5002, 5003]);
    expect(await disagreements(world)).toEqual([]);
    world.carrier.restarts({ announce: false, keepTable: false });
    await world.passes(minutes(1.5));
    expect(world.carrier.ports()).toEqual([5001, 5002, 5003]);
    expect(await disagreements(world)).toEqual([]);
  });

  it('that learns PCP is spoken to in PCP within half an hour, and nothing is lost on the way (RFC 6887 §9, P-62)', async () => {
    const world = await DaemonWorld.open({ carrier: NAT_PMP, settings: EMULATED });
    expect(await world.computer(DESK).add({ external: 5001, lease: 0 })).toBe('ok');
    world.carrier.behaves({ speaks: 'PCP' });
    world.carrier.restarts({ announce: false, keepTable: false });
    await world.passes(hours(0.6));
    expect(world.carrier.mappingAt(5001)?.nonce).toBeDefined();
    expect(await disagreements(world)).toEqual([]);
  });

  it('knows no third parties: a box that does not translate says 501, not a mapping for itself (RFC 6886, Q-07)', async () => {
    const world = await DaemonWorld.open({ nat: 'none', carrier: NAT_PMP, settings: EMULATED });
    const desk = world.computer(DESK);
    expect(await desk.add({ external: 5001 })).toBe('error 501');
    expect(await desk.add({ external: 5002 })).toBe('error 501');
    expect(world.carrier.ports()).toEqual([]);
    expect(await disagreements(world)).toEqual([]);
  });
});
