// The person at the box, by the commands and by signals: sees what is there, adds and deletes for others, changes the
// configuration without anybody losing a port.

import { describe, expect, it } from 'vitest';
import { portNumber } from '../../src/base/port-number.ts';
import { minutes, seconds } from '../../src/base/time.ts';
import { addCommand, deleteCommand, listCommand, statusCommand } from '../../src/cli/admin-commands.ts';
import { disagreements } from '../doubles/agreement.ts';
import { DaemonWorld } from '../doubles/daemon-world.ts';

const DESK = '192.168.1.20';
const ALL_PORTS = { first: portNumber(1), last: portNumber(65_535) };
const TERMINAL = { columns: 120, hasColour: false };

const order = (externalPort: number, internalAddress = DESK) => ({
  protocol: 'TCP' as const,
  externalPort,
  remoteHost: '',
  internalAddress,
  internalPort: 22,
  leaseSeconds: 0,
  anyPort: false,
  description: 'by hand',
});

describe.each(['nftables', 'none'] as const)('the operator (nat = "%s")', (nat) => {
  it('adds and deletes for any host on any port, over the admin socket', async () => {
    const world = await DaemonWorld.open({ nat, carrier: { options: { externalPorts: ALL_PORTS } } });
    const desk = world.computer(DESK);
    await desk.subscribe();
    const added = await addCommand(world.admin, order(80), false);
    expect(added).toMatchObject({ exitCode: 0, stdout: `TCP 1.2.3.4:80 now leads to ${DESK}:22\n` });
    await world.passes(seconds(1));
    expect(desk.heard('PortMappingNumberOfEntries').at(-1)).toBe('1');
    expect((await desk.entry({ external: 80 }))?.get('NewPortMappingDescription')).toBe('by hand');
    expect(await disagreements(world)).toEqual([]);
    // What the operator made, a control point does not take away.
    expect(await desk.delete({ external: 80 })).toBe('error 714');
    const gone = await deleteCommand(world.admin, { protocol: 'TCP', externalPort: 80, remoteHost: '' }, false);
    expect(gone).toMatchObject({ exitCode: 0, stdout: 'TCP 80 is closed\n' });
    expect(world.carrier.ports()).toEqual([]);
    expect(await disagreements(world)).toEqual([]);
  });

  it('hears why not, and takes away what a control point made', async () => {
    const world = await DaemonWorld.open({ nat });
    const desk = world.computer(DESK);
    expect(await desk.add({ external: 5001, lease: 0 })).toBe('ok');
    const taken = await addCommand(world.admin, order(5001, '192.168.1.30'), false);
    expect(taken.exitCode).toBe(1);
    expect(taken.stderr).toMatch(/TCP 5001 is taken.*718/);
    const name = { protocol: 'TCP', externalPort: 5001, remoteHost: '' } as const;
    expect((await deleteCommand(world.admin, name, false)).exitCode).toBe(0);
    expect((await deleteCommand(world.admin, name, false)).stderr).toMatch(/no mapping TCP 5001.*714/);
    // The control point was not asked; the log tells it.
    expect(world.logged(/^info TCP 5001 .* closed: the operator deleted it/)).toHaveLength(1);
    expect(await disagreements(world)).toEqual([]);
  });

  it('sees the same as everybody else', async () => {
    const world = await DaemonWorld.open({ nat });
    expect(await world.computer(DESK).add({ external: 5001 })).toBe('ok');
    const list = await listCommand(world.admin, false, TERMINAL);
    expect(list.stdout).toMatch(/TCP\s+5001\s+192\.168\.1\.20:5001.*open/);
    const status = await statusCommand(world.admin, true, TERMINAL);
    expect(JSON.parse(status.stdout)).toMatchObject({
      externalAddress: '1.2.3.4',
      wan: { nat },
      mappings: { total: 1, granted: 1 },
      servers: [{ id: '100.64.1.1', health: 'up', version: expect.stringMatching(/^PCP/) }],
    });
  });
});

describe('SIGHUP', () => {
  it('changes the policy at once: what it does not allow any more is closed, the rest stays (RFC 6970 §6)', async () => {
    const world = await DaemonWorld.open();
    const desk = world.computer(DESK);
    for (const external of [5001, 6001]) expect(await desk.add({ external, lease: 0 })).toBe('ok');
    await world.reloads({ 'policy.min_port': '6000', 'lan.http_port': '5555' });
    expect(await desk.add({ external: 5002 })).toBe('error 718');
    expect(await desk.add({ external: 6002 })).toBe('ok');
    expect(world.logged(/changed: policy.min_port/)).toHaveLength(1);
    expect(world.logged(/^warn these changes wait for a restart: lan.http_port/)).toHaveLength(1);
    await world.passes(minutes(5));
    expect(world.carrier.ports()).toEqual([6001, 6002]);
    expect(world.logged(/TCP 5001 .* closed: the rules do not allow it any more/)).toHaveLength(1);
    expect(await disagreements(world)).toEqual([]);
  });

  it('looks at the kernel and at the network at once', async () => {
    const world = await DaemonWorld.open();
    expect(await world.computer(DESK).add({ external: 5001 })).toBe('ok');
    world.nft.table = undefined;
    await world.reloads({});
    expect(await disagreements(world)).toEqual([]);
  });
});
