import { describe, expect, it } from 'vitest';
import { upnpErrorOf, upnpErrorOfOutcome } from '../../src/interworking/error-translation.ts';
import { RESULT_NAMES } from '../../src/pcp/asking/result-code.ts';
import { controlPoint, GatewayWorld, mappingRequest } from '../doubles/gateway-world.ts';

const HOST = '192.168.1.20';
// Row, code, IGD:1, IGD:2.
const TABLE: readonly (readonly [string, number, number, number])[] = [
  ['IWF-24', 1, 501, 501],
  ['IWF-25', 2, 718, 606],
  ['IWF-26', 3, 501, 501],
  ['IWF-27', 4, 501, 501],
  ['IWF-28', 5, 501, 501],
  ['IWF-29', 6, 501, 501],
  ['IWF-30', 7, 501, 501],
  ['IWF-31', 8, 501, 728],
  ['IWF-32', 9, 501, 501],
  ['IWF-33', 10, 501, 728],
  ['IWF-34', 11, 718, 718],
  ['IWF-35', 12, 501, 501],
  ['IWF-36', 13, 501, 501],
];

describe('the error table (RFC 6970 §4.3)', () => {
  for (const [row, code, igd1, igd2] of TABLE) {
    const name = RESULT_NAMES[code as keyof typeof RESULT_NAMES];
    it(`${row}: ${name} is ${igd1} on IGD:1 and ${igd2} on IGD:2, and leaves the table alone`, async () => {
      for (const igd of [1, 2] as const) {
        const world = await GatewayWorld.open({ nat: 'nat1' });
        world.server.refuseAll = { code, lifetimeSeconds: 600 };
        const answer = await world.add(controlPoint(HOST, igd), mappingRequest({ client: HOST, external: 8080 }));
        expect(answer).toBe(igd === 1 ? igd1 : igd2);
        expect(world.table.size).toBe(0);
      }
    });
  }

  it('CANNOT_PROVIDE_EXTERNAL is 714 where it is an answer about an entry (IWF-34, Q-06)', () => {
    expect(upnpErrorOf(11, 'GetSpecificPortMappingEntry', 1)).toBe(714);
    expect(upnpErrorOf(11, 'DeletePortMapping', 2)).toBe(714);
    expect(upnpErrorOf(11, 'DeletePortMappingRange', 2)).toBe(730);
  });

  it('AddAnyPortMapping never answers 718 (U-08)', () => {
    for (let code = 0; code < 256; code += 1) expect(upnpErrorOf(code, 'AddAnyPortMapping', 2)).not.toBe(718);
  });

  it('IGD:1 never hears 606 or 728 (U-09)', () => {
    for (let code = 0; code < 256; code += 1) expect([606, 728]).not.toContain(upnpErrorOf(code, 'AddPortMapping', 1));
  });

  it('IGD:2 never hears 724 to 727 (U-06)', () => {
    for (let code = 0; code < 256; code += 1)
      expect([724, 725, 726, 727]).not.toContain(upnpErrorOf(code, 'AddPortMapping', 2));
  });

  it('authentication codes that came after the RFC, and unknown ones, have an answer too (IWF-36)', () => {
    expect(upnpErrorOf(15, 'AddPortMapping', 2)).toBe(606);
    expect(upnpErrorOf(15, 'AddPortMapping', 1)).toBe(501);
    expect(upnpErrorOf(200, 'AddPortMapping', 2)).toBe(501);
  });

  it('NOT_AUTHORIZED looks like a taken port on IGD:1, so the log names it (Q-21)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    world.server.refuseAll = { code: 2, lifetimeSeconds: 600 };
    expect(await world.add(controlPoint(HOST, 1), mappingRequest({ client: HOST, external: 8080 }))).toBe(718);
    expect(world.refusals.at(-1)?.why).toBe('server says NOT_AUTHORIZED');
  });

  it('no answer is 501 (RFC 6970 §5.1, IWF-41)', () => {
    expect(upnpErrorOfOutcome({ kind: 'unanswered', why: 'no server' }, 'DeletePortMapping', 2)).toBe(501);
  });
});
