// The two places such a box stands in: behind it a carrier that knows the LAN hosts (nat = "none", THIRD_PARTY), or only
// this box, which translates itself (nat = "nftables", NAT1). What goes over the wire, and what control points can have.

import { describe, expect, it } from 'vitest';
import { hours, minutes, seconds } from '../../src/base/time.ts';
import { OPTION_CODE } from '../../src/pcp/wire/option.ts';
import { disagreements } from '../doubles/agreement.ts';
import { DaemonWorld, WAN } from '../doubles/daemon-world.ts';

const DESK = '192.168.1.20';
const PHONE = '192.168.1.21';

describe('nat = "none"', () => {
  it('names the LAN host, as it is (RFC 6970 §5.4, IWF-12, IWF-48)', async () => {
    const world = await DaemonWorld.open({ nat: 'none' });
    expect(await world.computer(DESK).add({ external: 8080, internal: 8000 })).toBe('ok');
    const [{ request } = { request: undefined }] = world.carrier.takeMaps();
    expect(request?.clientAddress.text).toBe(WAN);
    expect(request?.internalPort).toBe(8000);
    expect(request?.options.map(({ kind }) => kind).sort()).toEqual(['prefer failure', 'third party']);
    expect(world.carrier.mappingAt(8080)?.internalAddress.text).toBe(DESK);
    expect(await disagreements(world)).toEqual([]);
  });

  it('gives one internal port one external port: the second Add is 718 without asking, AddAny is told the first (RFC 6887 §11.3, P-76, Q-04)', async () => {
    const world = await DaemonWorld.open({ nat: 'none' });
    const desk = world.computer(DESK, 2);
    expect(await desk.add({ external: 5001, internal: 22_000 })).toBe('ok');
    world.carrier.takeMaps();
    expect(await desk.add({ external: 5002, internal: 22_000 })).toBe('error 718');
    expect(world.carrier.takeMaps()).toEqual([]);
    expect(await desk.addAny({ external: 5002, internal: 22_000 })).toBe(5001);
    // Another host, another protocol: other services.
    expect(await world.computer(PHONE).add({ external: 5002, internal: 22_000 })).toBe('ok');
    expect(await desk.add({ external: 5003, internal: 22_000, protocol: 'UDP' })).toBe('ok');
    expect(await disagreements(world)).toEqual([]);
  });

  it('puts the old internal port back when the carrier holds the external one for it alone (Q-19, RFC 6888 REQ-8, P-73)', async () => {
    const world = await DaemonWorld.open({ nat: 'none' });
    const desk = world.computer(DESK);
    expect(await desk.add({ external: 5001, internal: 7001 })).toBe('ok');
    expect(await desk.add({ external: 5001, internal: 7002 })).toBe('error 718');
    await world.passes(seconds(1));
    expect(world.tableText()).toEqual([`TCP 5001 → ${DESK}:7001 granted`]);
    expect(world.carrier.mappingAt(5001)?.internalPort).toBe(7001);
    await world.passes(minutes(5));
    expect(await disagreements(world)).toEqual([]);
  });

  it('takes a new internal port for an external one by a delete and an Add (Q-19, U-03)', async () => {
    const world = await DaemonWorld.open({ nat: 'none', carrier: { options: { holdBack: seconds(0) } } });
    const desk = world.computer(DESK);
    expect(await desk.add({ external: 5001, internal: 7001 })).toBe('ok');
    expect(await desk.add({ external: 5001, internal: 7002 })).toBe('ok');
    expect(world.tableText()).toEqual([`TCP 5001 → ${DESK}:7002 granted`]);
    expect(world.carrier.mappingAt(5001)?.internalPort).toBe(7002);
    await world.passes(minutes(5));
    expect(await disagreements(world)).toEqual([]);
  });

  it('with a carrier that allows no third party says 501 once it was told so (RFC 6887 §13.1, IWF-28, Q-07)', async () => {
    const world = await DaemonWorld.open({ nat: 'none', carrier: { options: { allowThirdParty: false } } });
    const desk = world.computer(DESK);
    expect(await desk.add({ external: 5001 })).toBe('error 501');
    expect(await desk.add({ external: 5002 })).toBe('error 501');
    // What a server cannot do is asked once.
    expect(world.carrier.takeMaps()).toHaveLength(1);
    expect(await disagreements(world)).toEqual([]);
  });
});

describe('nat = "nftables"', () => {
  it("shows the carrier this box's address and a port of NAT1 (RFC 6970 §5.5, IWF-49, IWF-51)", async () => {
    const world = await DaemonWorld.open();
    expect(await world.computer(DESK).add({ external: 8080, internal: 8000 })).toBe('ok');
    const [{ request } = { request: undefined }] = world.carrier.takeMaps();
    expect(request?.clientAddress.text).toBe(WAN);
    expect(request?.options.map(({ kind }) => kind)).toEqual(['prefer failure']);
    const nat1Port = request?.internalPort;
    expect(world.nft.elements('in')).toEqual({ [`${WAN} . tcp . ${nat1Port}`]: `${DESK} . 8000` });
    expect(await disagreements(world)).toEqual([]);
  });

  it('gives one internal port two external ports (RFC 6970 §5.5, Q-04)', async () => {
    const world = await DaemonWorld.open();
    const desk = world.computer(DESK, 2);
    expect(await desk.add({ external: 5001, internal: 22_000 })).toBe('ok');
    expect(await desk.add({ external: 5002, internal: 22_000 })).toBe('ok');
    expect(world.carrier.ports()).toEqual([5001, 5002]);
    expect(await disagreements(world)).toEqual([]);
    expect(await desk.delete({ external: 5001 })).toBe('ok');
    await world.passes(seconds(1));
    expect(world.carrier.ports()).toEqual([5002]);
    expect(await disagreements(world)).toEqual([]);
  });

  it('takes a new internal port for an external one without a word to the carrier (Q-19, U-03)', async () => {
    const world = await DaemonWorld.open();
    const desk = world.computer(DESK);
    expect(await desk.add({ external: 5001, internal: 7001 })).toBe('ok');
    const before = world.carrier.mappingAt(5001);
    expect(await desk.add({ external: 5001, internal: 7002 })).toBe('ok');
    expect(world.tableText()).toEqual([`TCP 5001 → ${DESK}:7002 granted`]);
    expect(world.carrier.mappingAt(5001)).toMatchObject({ nonce: before?.nonce, internalPort: before?.internalPort });
    expect(await disagreements(world)).toEqual([]);
  });

  it('whose kernel refuses says 501 and leaves nothing at the carrier (RFC 6970 §5.5, IWF-52)', async () => {
    const world = await DaemonWorld.open();
    const desk = world.computer(DESK);
    world.nft.broken = { ok: true, value: { exitCode: 1, stdout: '', stderr: 'Error: No space left on device' } };
    expect(await desk.add({ external: 5001 })).toBe('error 501');
    world.nft.broken = undefined;
    await world.passes(minutes(1));
    expect(world.carrier.ports()).toEqual([]);
    expect(await desk.add({ external: 5001 })).toBe('ok');
    expect(await disagreements(world)).toEqual([]);
  });

  it('whose table somebody flushed has it again by itself (RFC 6970 §5.5)', async () => {
    const world = await DaemonWorld.open();
    expect(await world.computer(DESK).add({ external: 5001 })).toBe('ok');
    world.nft.table = undefined;
    expect(await disagreements(world)).not.toEqual([]);
    await world.passes(seconds(20));
    expect(await disagreements(world)).toEqual([]);
  });

  it('keeps NAT1 rules alive through short grants (RFC 6970 §5.5, IWF-53, IWF-54)', async () => {
    const world = await DaemonWorld.open({ carrier: { options: { longestLifetime: seconds(120) } } });
    // As Linux 6.6 and before: an element that is added again keeps its old timeout.
    world.kill();
    world.nft.addExtends = false;
    await world.boots();
    expect(await world.computer(DESK).add({ external: 5001, lease: 1800 })).toBe('ok');
    for (let round = 0; round < 25; round += 1) {
      await world.passes(minutes(1));
      expect(await disagreements(world)).toEqual([]);
    }
  });
});

describe.each(['nftables', 'none'] as const)('RemoteHost (nat = "%s")', (nat) => {
  it('becomes a FILTER for that one host; the empty one is for everybody (RFC 6970 §4.1, IWF-08, P-14)', async () => {
    const world = await DaemonWorld.open({ nat });
    const desk = world.computer(DESK);
    expect(await desk.add({ external: 5001, remoteHost: '198.51.100.9' })).toBe('ok');
    expect(await desk.add({ external: 5002 })).toBe('ok');
    const [filter] = world.carrier.mappingAt(5001)?.filters ?? [];
    expect(filter?.address.text).toBe('198.51.100.9');
    expect(filter?.prefixBits).toBe(128);
    expect(world.carrier.mappingAt(5002)?.filters).toEqual([]);
    expect(await desk.entry({ external: 5001 })).toBeUndefined();
    expect((await desk.entry({ external: 5001, remoteHost: '198.51.100.9' }))?.get('NewInternalClient')).toBe(DESK);
    expect(await disagreements(world)).toEqual([]);
    // Renewals repeat it, and it does not pile up (RFC 6887 §13.3).
    await world.passes(hours(0.9));
    expect(world.carrier.mappingAt(5001)?.filters).toHaveLength(1);
    expect(await desk.delete({ external: 5001, remoteHost: '198.51.100.9' })).toBe('ok');
    expect(await disagreements(world)).toEqual([]);
  });

  it('on a port that has another one is 718 (RFC 6887 §11.3, Q-14, U-03)', async () => {
    const world = await DaemonWorld.open({ nat });
    const desk = world.computer(DESK);
    expect(await desk.add({ external: 5001, remoteHost: '198.51.100.9' })).toBe('ok');
    expect(await desk.add({ external: 5001, remoteHost: '198.51.100.10' })).toBe('error 718');
    expect(await disagreements(world)).toEqual([]);
  });

  it('with a carrier that cannot filter (RFC 6887 §13.3, Q-07, IWF-28)', async () => {
    const missingOptions = new Set([OPTION_CODE.filter]);
    const world = await DaemonWorld.open({ nat, carrier: { faults: { missingOptions } } });
    const desk = world.computer(DESK);
    const outcome = await desk.add({ external: 5001, remoteHost: '198.51.100.9' });
    // NAT1 filters itself; without it nobody would.
    expect(outcome).toBe(nat === 'nftables' ? 'ok' : 'error 501');
    expect(await desk.add({ external: 5002 })).toBe('ok');
    expect(await disagreements(world)).toEqual([]);
  });
});

describe('DeletePortMappingRange', () => {
  it("takes one's own of the range, in one event and one step of SystemUpdateID; the carrier hears behind it (RFC 6970 §5.8, IWF-81, IWF-82, U-14)", async () => {
    const world = await DaemonWorld.open();
    const [desk, phone] = [world.computer(DESK, 2), world.computer(PHONE, 2)];
    await desk.subscribe();
    for (const port of [6000, 6030, 6045, 6051]) expect(await desk.add({ external: port })).toBe('ok');
    expect(await desk.add({ external: 6030, protocol: 'UDP' })).toBe('ok');
    expect(await phone.add({ external: 6040 })).toBe('ok');
    await world.passes(seconds(2));
    const [events, updates] = [desk.eventsHeard(), desk.heard('SystemUpdateID').length];
    const before = Number(desk.heard('SystemUpdateID').at(-1));
    world.carrier.takeMaps();
    world.carrier.behaves({ delay: seconds(1) });
    const start = world.clock.now();
    expect(await desk.deleteRange(6000, 6050)).toBe('ok');
    expect(world.clock.now()).toBe(start);
    await world.passes(seconds(10));
    expect(desk.eventsHeard()).toBe(events + 1);
    expect(desk.heard('SystemUpdateID')).toHaveLength(updates + 1);
    expect(desk.heard('SystemUpdateID').at(-1)).toBe(String(before + 1));
    expect(desk.heard('PortMappingNumberOfEntries').at(-1)).toBe('3');
    const deletes = world.carrier.takeMaps().filter(({ request }) => request.lifetimeSeconds === 0);
    expect(deletes).toHaveLength(3);
    expect(world.carrier.ports()).toEqual([6030, 6040, 6051]);
    expect(await disagreements(world)).toEqual([]);
    expect(await desk.deleteRange(7000, 7001)).toBe('error 730');
    expect(await desk.deleteRange(6050, 6000)).toBe('error 733');
  });
});
