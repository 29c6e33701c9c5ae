import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { days, milliseconds, seconds } from '../../src/base/time.ts';
import { type AskedServer, askServer } from '../../src/doctor/doctor-run.ts';
import type { SimulatorFaults, SimulatorOptions } from '../../src/simulator/simulator-options.ts';
import { attachSimulator } from '../doubles/attach-simulator.ts';
import { SimulatedWorld } from '../doubles/simulated-host.ts';
import { at } from '../doubles/simulated-network.ts';

const SERVER = at('192.168.1.1', 5351);
const LAN_HOST = IpAddress.of('10.0.0.1');

interface Examination extends AskedServer {
  readonly left: number;
}

async function examine(
  faults: Partial<SimulatorFaults>,
  options: Partial<SimulatorOptions> = {},
  lanHost: IpAddress | undefined = LAN_HOST,
): Promise<Examination> {
  const world = new SimulatedWorld();
  const carrier = world.host([{ name: 'eth0', address: '192.168.1.1/24', segment: 'link' }]);
  const box = world.host([{ name: 'wan', address: '192.168.1.10/24', segment: 'link' }]);
  const { simulator } = await attachSimulator(carrier, SERVER, { faults, options });
  const asked = await world.clock.resolve(
    askServer(box, { server: SERVER, interfaceName: undefined }, lanHost),
    seconds(60),
  );
  return { ...asked, left: simulator.mappings(world.clock.now()).length };
}

const WORKS = { kind: 'works' };

describe('what the doctor asks one server', () => {
  it('finds out round trip, address, options and limits, and leaves nothing behind', async () => {
    const found = await examine({ delay: milliseconds(10) }, { allowThirdParty: true, longestLifetime: days(1) });
    expect(found).toEqual({
      ownAddress: IpAddress.of('192.168.1.10'),
      left: 0,
      speech: {
        kind: 'PCP',
        roundTrip: 20,
        epoch: 0,
        map: {
          kind: 'granted',
          externalAddress: IpAddress.of('1.2.3.4'),
          externalPort: expect.any(Number),
          shortestSeconds: 120,
          longestSeconds: 86_400,
          isRemoved: true,
          options: { PREFER_FAILURE: WORKS, FILTER: WORKS, THIRD_PARTY: WORKS, DESCRIPTION: WORKS },
        },
      },
    });
  });

  it('gets through loss and duplicates', async () => {
    const found = await examine({ loss: 0.2, duplicates: 0.3 }, { allowThirdParty: true });
    expect(found.speech).toMatchObject({ kind: 'PCP', map: { kind: 'granted' } });
  });

  it('sees which options are missing', async () => {
    const found = await examine({ missingOptions: new Set([1, 2, 3, 128]) });
    const missing = { kind: 'unsupported' };
    expect(found.speech).toMatchObject({
      map: { options: { PREFER_FAILURE: missing, FILTER: missing, THIRD_PARTY: missing, DESCRIPTION: missing } },
    });
  });

  it('sees a PREFER_FAILURE that is not kept, and takes that mapping back', async () => {
    const found = await examine({ ignorePreferFailure: true });
    expect(found.speech).toMatchObject({ map: { options: { PREFER_FAILURE: { kind: 'not kept' } } } });
    expect(found.left).toBe(0);
  });

  it('says when there is nobody to try THIRD_PARTY with', async () => {
    const self = await examine({}, { allowThirdParty: true }, IpAddress.of('192.168.1.10'));
    expect(self.speech).toMatchObject({ map: { options: { THIRD_PARTY: { kind: 'not tried' } } } });
  });

  it('reports refusals with their code and lifetime', async () => {
    const found = await examine({ refuseWith: { code: 10, lifetimeSeconds: 77 } });
    expect(found.speech).toMatchObject({ kind: 'PCP', map: { kind: 'refused', code: 10, lifetimeSeconds: 77 } });
  });

  it.each([false, true])('recognises NAT-PMP by either refusal and asks for the address (P-60)', async (repeats) => {
    const found = await examine({ speaks: 'NAT-PMP', refusalRepeatsOpcode: repeats });
    expect(found.speech).toMatchObject({ kind: 'NAT-PMP', externalAddress: IpAddress.of('1.2.3.4') });
  });

  it('tells a silent server, forged nonces and a closed port apart', async () => {
    expect((await examine({ silent: true })).speech).toEqual({ kind: 'silent' });
    expect((await examine({ wrongNonce: true })).speech).toMatchObject({ kind: 'PCP', map: { kind: 'silent' } });
    const world = new SimulatedWorld();
    world.host([{ name: 'eth0', address: '192.168.1.1/24', segment: 'link' }]);
    const box = world.host([{ name: 'wan', address: '192.168.1.10/24', segment: 'link' }]);
    const asked = await world.clock.resolve(
      askServer(box, { server: SERVER, interfaceName: undefined }, undefined),
      seconds(10),
    );
    expect(asked.speech).toEqual({ kind: 'port closed' });
  });
});
