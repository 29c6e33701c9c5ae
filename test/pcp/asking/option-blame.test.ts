// Which option a refusal is blamed on, when several could be meant (RFC 6887 §7.4 does not say).

import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../../src/base/ip-address.ts';
import { portNumber } from '../../../src/base/port-number.ts';
import { instant } from '../../../src/base/time.ts';
import { OptionSupport } from '../../../src/pcp/asking/option-support.ts';
import { UNSUPP_OPTION } from '../../../src/pcp/asking/result-code.ts';
import { LAN_HOST } from '../wire/values.ts';
import { ANY_REQUEST, ClientDesk, EXACT_REQUEST } from './client-desk.ts';

const at = (s: number) => instant(s * 1000);
const OTHER_HOST = IpAddress.of('192.168.7.77');

describe('UNSUPP_OPTION', () => {
  it('Q-07: a pair that was refused, each of which is accepted alone, bars no other request', () => {
    const support = new OptionSupport();
    support.noteRefused(['PREFER_FAILURE', 'THIRD_PARTY'], at(1800));
    support.noteAccepted(['PREFER_FAILURE']);
    support.noteAccepted(['THIRD_PARTY']);
    expect(support.refusedUntil([], at(0))).toBeUndefined();
    expect(support.refusedUntil(['FILTER'], at(0))).toBeUndefined();
    expect(support.stateOf('PREFER_FAILURE', at(0))).toBe('supported');
    expect(support.refusedUntil(['PREFER_FAILURE', 'THIRD_PARTY'], at(0))).toBe(at(1800));
  });

  it('P-11: a third party the server does not let us act for says nothing about the others (RFC 6887 §13.1)', () => {
    const desk = new ClientDesk();
    const allowed = { ...EXACT_REQUEST, thirdParty: LAN_HOST };
    desk.map(allowed);
    desk.grant();
    const forbidden = desk.map({ ...EXACT_REQUEST, thirdParty: OTHER_HOST, suggestedPort: portNumber(8081) });
    desk.refuse(UNSUPP_OPTION, 1800);
    expect(desk.outcome(forbidden)).toMatchObject({ kind: 'refused', code: UNSUPP_OPTION });
    expect(desk.view().options).toMatchObject({ THIRD_PARTY: 'supported', PREFER_FAILURE: 'supported' });
    desk.forget();

    const next = desk.map({ ...allowed, internalPort: portNumber(40090), suggestedPort: portNumber(8082) });
    expect(desk.outcome(next)).toBeUndefined();
    const again = desk.map({ ...ANY_REQUEST, thirdParty: OTHER_HOST, suggestedPort: portNumber(8083) });
    expect(desk.outcome(again)).toMatchObject({ kind: 'refused', code: UNSUPP_OPTION, by: 'memory' });
    desk.advance(1800);
    desk.announce();
    const later = desk.map({ ...ANY_REQUEST, thirdParty: OTHER_HOST, suggestedPort: portNumber(8083) });
    expect(desk.outcome(later)).toBeUndefined();
  });
});
