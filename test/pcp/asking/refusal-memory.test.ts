import { describe, expect, it } from 'vitest';
import { portNumber } from '../../../src/base/port-number.ts';
import { instant, minutes, seconds } from '../../../src/base/time.ts';
import { OptionSupport } from '../../../src/pcp/asking/option-support.ts';
import { RefusalMemory } from '../../../src/pcp/asking/refusal-memory.ts';
import { holdOf, isShortConflict } from '../../../src/pcp/asking/result-code.ts';
import { EXTERNAL, LAN_HOST } from '../wire/values.ts';
import { ANY_REQUEST, EXACT_REQUEST } from './client-desk.ts';

const STANDING = { assignedPort: portNumber(9999), refusedWith: undefined };

const at = (s: number) => instant(s * 1000);
const otherInternal = { ...ANY_REQUEST, internalPort: portNumber(1), suggestedPort: portNumber(2) };

describe('Q-18: how long a refusal is believed (RFC 6887 §7.4)', () => {
  it.each([
    [7, 0, seconds(30)],
    [8, 0, seconds(30)],
    [10, 0, seconds(30)],
    [2, 0, minutes(30)],
    [11, 0, minutes(30)],
    [8, 45, seconds(45)],
    [11, 30, seconds(30)],
    [2, 4_294_967_295, minutes(30)],
  ])('result %i with lifetime %i', (code, lifetime, hold) => {
    expect(holdOf(code, lifetime)).toBe(hold);
  });

  it('a conflict without a lifetime is a long one', () => {
    expect([0, 30, 60, 61, 1800].map(isShortConflict)).toEqual([false, true, true, false, false]);
  });
});

describe('which requests a refusal covers', () => {
  it('the same request, for the hold and no longer (RFC 6887 §8.3)', () => {
    const memory = new RefusalMemory();
    memory.note(ANY_REQUEST, 10, 40, at(0));
    expect(memory.recall(ANY_REQUEST, undefined, at(10))).toEqual({ code: 10, lifetimeSeconds: 40, hold: 30_000 });
    expect(memory.recall(otherInternal, undefined, at(10))).toBeUndefined();
    expect(memory.recall(ANY_REQUEST, undefined, at(40))).toBeUndefined();
  });

  it('a conflict covers whoever demands that external port, at that address or any (RFC 6887 §13.2)', () => {
    const memory = new RefusalMemory();
    memory.note(EXACT_REQUEST, 11, 1800, at(0));
    const other = { ...EXACT_REQUEST, internalPort: portNumber(1) };
    expect(memory.recall(other, undefined, at(1))?.code).toBe(11);
    expect(memory.recall({ ...other, suggestedAddress: EXTERNAL }, undefined, at(1))?.code).toBe(11);
    expect(memory.recall({ ...other, protocol: 'UDP' }, undefined, at(1))).toBeUndefined();
    expect(memory.recall({ ...other, exactPort: false }, undefined, at(1))).toBeUndefined();
    memory.forgetPort('TCP', 8080);
    expect(memory.recall(other, undefined, at(1))).toBeUndefined();
  });

  it('Q-15: a conflict at one external address leaves the port at any other address', () => {
    const memory = new RefusalMemory();
    memory.note({ ...EXACT_REQUEST, suggestedAddress: EXTERNAL }, 11, 1800, at(0));
    expect(memory.recall(EXACT_REQUEST, undefined, at(1))).toBeUndefined();
  });

  it('NO_RESOURCES is system-wide for new mappings; renewals of others go on (RFC 6887 §7.4)', () => {
    const memory = new RefusalMemory();
    memory.note(ANY_REQUEST, 8, 30, at(0));
    expect(memory.recall(otherInternal, undefined, at(1))?.code).toBe(8);
    expect(memory.recall(otherInternal, STANDING, at(1))).toBeUndefined();
    expect(memory.recall(ANY_REQUEST, STANDING, at(1))?.code).toBe(8);
  });

  it.each([4, 12])('result %i covers everything (RFC 6887 §7.4)', (code) => {
    const memory = new RefusalMemory();
    memory.note(ANY_REQUEST, code, 0, at(0));
    expect(memory.recall({ ...otherInternal, protocol: 'UDP' }, STANDING, at(1))?.code).toBe(code);
  });

  it('UNSUPP_PROTOCOL covers the protocol', () => {
    const memory = new RefusalMemory();
    memory.note(ANY_REQUEST, 9, 0, at(0));
    expect(memory.recall(otherInternal, undefined, at(1))?.code).toBe(9);
    expect(memory.recall({ ...otherInternal, protocol: 'UDP' }, undefined, at(1))).toBeUndefined();
  });

  it('shows what it holds, and never more than it may', () => {
    const memory = new RefusalMemory();
    for (let port = 0; port < 5000; port += 1) {
      memory.note({ ...EXACT_REQUEST, suggestedPort: portNumber(port + 1) }, 11, 1800, at(port / 100));
    }
    expect(memory.view(at(50))).toHaveLength(4096);
    expect(memory.view(at(50)).at(-1)).toMatchObject({ what: 'external TCP 5000', code: 11 });
    memory.clear();
    expect(memory.view(at(50))).toEqual([]);
  });
});

describe('Q-07: which option was meant by UNSUPP_OPTION (RFC 6887 §7.4)', () => {
  it('the only one of the request', () => {
    const support = new OptionSupport();
    support.noteRefused(['PREFER_FAILURE'], at(1800));
    expect(support.stateOf('PREFER_FAILURE', at(0))).toBe('unsupported');
    expect(support.refusedUntil(['PREFER_FAILURE', 'FILTER'], at(0))).toBe(1_800_000);
    expect(support.refusedUntil(['FILTER'], at(0))).toBeUndefined();
    expect(support.stateOf('PREFER_FAILURE', at(1800))).toBe('unknown');
  });

  it('of two, the one that was not accepted elsewhere', () => {
    const support = new OptionSupport();
    support.noteRefused(['PREFER_FAILURE', 'THIRD_PARTY'], at(1800));
    expect(support.stateOf('PREFER_FAILURE', at(0))).toBe('unknown');
    expect(support.refusedUntil(['PREFER_FAILURE', 'THIRD_PARTY'], at(0))).toBe(1_800_000);
    support.noteAccepted(['THIRD_PARTY']);
    expect(support.stateOf('PREFER_FAILURE', at(0))).toBe('unsupported');
    expect(support.stateOf('THIRD_PARTY', at(0))).toBe('supported');
  });

  it('one that was accepted before and is refused now is not supported any more', () => {
    const support = new OptionSupport();
    support.noteAccepted(['THIRD_PARTY']);
    support.noteRefused(['THIRD_PARTY'], at(30));
    expect(support.stateOf('THIRD_PARTY', at(0))).toBe('unsupported');
  });

  it('a third party is no part of what is remembered of another host', () => {
    const memory = new RefusalMemory();
    memory.note({ ...ANY_REQUEST, thirdParty: LAN_HOST }, 10, 30, at(0));
    expect(memory.recall(ANY_REQUEST, undefined, at(1))).toBeUndefined();
  });
});
