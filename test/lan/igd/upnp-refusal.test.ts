import { describe, expect, it } from 'vitest';
import { type RefusalReason, refusal, refusalOf } from '../../../src/interworking/refusal.ts';
import { type MappingAction, upnpErrorOf } from '../../../src/lan/igd/upnp-refusal.ts';
import { RESULT_NAMES } from '../../../src/pcp/asking/result-code.ts';
import { controlPoint, GatewayWorld, mappingRequest } from '../../doubles/gateway-world.ts';

/** Of a PCP server that says no with this code. */
const errorFor = (code: number, action: MappingAction, igd: 1 | 2) =>
  upnpErrorOf({ reason: 'upstream refused', why: '', code, lifetimeSeconds: 0 }, action, igd);

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
    expect(errorFor(11, 'GetSpecificPortMappingEntry', 1)).toBe(714);
    expect(errorFor(11, 'DeletePortMapping', 2)).toBe(714);
    expect(errorFor(11, 'DeletePortMappingRange', 2)).toBe(730);
  });

  it('AddAnyPortMapping never answers 718 (U-08)', () => {
    for (let code = 0; code < 256; code += 1) expect(errorFor(code, 'AddAnyPortMapping', 2)).not.toBe(718);
  });

  it('IGD:1 never hears 606 or 728 (U-09)', () => {
    for (let code = 0; code < 256; code += 1) expect([606, 728]).not.toContain(errorFor(code, 'AddPortMapping', 1));
  });

  it('IGD:2 never hears 724 to 727 (U-06)', () => {
    for (let code = 0; code < 256; code += 1)
      expect([724, 725, 726, 727]).not.toContain(errorFor(code, 'AddPortMapping', 2));
  });

  it('authentication codes that came after the RFC, and unknown ones, have an answer too (IWF-36)', () => {
    expect(errorFor(15, 'AddPortMapping', 2)).toBe(606);
    expect(errorFor(15, 'AddPortMapping', 1)).toBe(501);
    expect(errorFor(200, 'AddPortMapping', 2)).toBe(501);
  });

  it('NOT_AUTHORIZED looks like a taken port on IGD:1, so the log names it (Q-21)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    world.server.refuseAll = { code: 2, lifetimeSeconds: 600 };
    expect(await world.add(controlPoint(HOST, 1), mappingRequest({ client: HOST, external: 8080 }))).toBe(718);
    expect(world.refusals.at(-1)?.no.why).toBe('server says NOT_AUTHORIZED');
  });

  it('no answer is 501 (RFC 6970 §5.1, IWF-41)', () => {
    expect(upnpErrorOf(refusalOf({ kind: 'unanswered', why: 'no server' }), 'DeletePortMapping', 2)).toBe(501);
  });

  it.each<[Exclude<RefusalReason, 'upstream refused'>, MappingAction, number, number]>([
    ['cannot be mapped', 'AddPortMapping', 501, 501],
    ['wildcard client', 'AddPortMapping', 715, 715],
    ['wildcard internal port', 'AddPortMapping', 402, 732],
    ['wildcard external port', 'AddPortMapping', 716, 716],
    ['not allowed', 'AddPortMapping', 718, 606],
    ['not yours', 'DeletePortMapping', 714, 606],
    ['used by this box', 'AddPortMapping', 718, 729],
    ['no host of ours', 'AddPortMapping', 402, 600],
    ['too many requests', 'AddPortMapping', 501, 728],
    ['over quota', 'AddPortMapping', 501, 728],
    ['taken', 'AddPortMapping', 718, 718],
    ['taken', 'AddAnyPortMapping', 728, 728],
    ['no port left', 'AddPortMapping', 501, 728],
    ['no such entry', 'GetGenericPortMappingEntry', 713, 713],
    ['no such entry', 'GetSpecificPortMappingEntry', 714, 714],
    ['no such entry', 'DeletePortMapping', 714, 714],
    ['no such entry', 'DeletePortMappingRange', 730, 730],
    ['no such entry', 'GetListOfPortMappings', 730, 730],
    ['ambiguous', 'DeletePortMapping', 402, 601],
    ['unanswered', 'AddPortMapping', 501, 501],
    ['not carried', 'AddPortMapping', 501, 501],
    ['not kept', 'AddPortMapping', 501, 501],
    ['overtaken', 'AddPortMapping', 501, 501],
  ])('"%s" of %s is %i on IGD:1 and %i on IGD:2', (reason, action, igd1, igd2) => {
    const no = refusal(reason, '');
    expect([upnpErrorOf(no, action, 1), upnpErrorOf(no, action, 2)]).toEqual([igd1, igd2]);
  });
});
