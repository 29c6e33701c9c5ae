import { describe, expect, it } from 'vitest';
import { after, hours, minutes } from '../../src/base/time.ts';
import { Ledger, MOST_OWED } from '../../src/mapping/ledger.ts';
import { START } from './some-mapping.ts';
import { someOwed } from './some-owed-release.ts';

const ledger = () => {
  const owed = new Ledger();
  const told: string[] = [];
  owed.listen((change) =>
    told.push(`${change.kind} ${change.kind === 'owed' ? change.release.internalPort : change.place.internalPort}`),
  );
  const ports = (at = START) => owed.all(at).map((release) => release.internalPort as number);
  return { owed, told, ports };
};

describe('owed releases (RFC 6887 §15, IWF-75, IWF-80)', () => {
  it('are told when they come and when they are done, each once', () => {
    const { owed, told } = ledger();
    owed.owe(someOwed(1), START);
    owed.owe(someOwed(1), START);
    owed.done(someOwed(1));
    owed.done(someOwed(1));
    expect(told).toEqual(['owed 1', 'done 1']);
  });

  it('there is one for each internal port: the later nonce counts (RFC 6887 §11.3)', () => {
    const { owed } = ledger();
    owed.owe(someOwed(1), START);
    owed.owe(someOwed(1, { nonce: 'f'.repeat(24), endsAt: after(START, minutes(5)) }), START);
    expect(owed.all(START)).toEqual([someOwed(1, { nonce: 'f'.repeat(24), endsAt: after(START, minutes(5)) })]);
  });

  it('the same one is kept to its later end', () => {
    const { owed, told } = ledger();
    owed.owe(someOwed(1), START);
    owed.owe(someOwed(1, { endsAt: after(START, minutes(5)) }), START);
    owed.owe(someOwed(1, { endsAt: after(START, hours(2)) }), START);
    expect(told).toEqual(['owed 1', 'owed 1']);
    expect(owed.all(after(START, minutes(90)))).toHaveLength(1);
  });

  it('end with the grant: the server has forgotten it by itself', () => {
    const { owed, ports } = ledger();
    owed.owe(someOwed(1, { endsAt: after(START, minutes(5)) }), START);
    owed.owe(someOwed(2), START);
    expect(owed.count(START)).toBe(2);
    expect(ports(after(START, minutes(5)))).toEqual([2]);
    owed.owe(someOwed(3, { endsAt: START }), START);
    expect(owed.count(after(START, minutes(5)))).toBe(1);
  });

  it('are capped; those that end first are forgotten', () => {
    const { owed } = ledger();
    for (let count = 0; count <= MOST_OWED; count += 1)
      owed.owe(someOwed(1 + count, { endsAt: after(START, minutes(1 + ((count * 7) % 9000))) }), START);
    expect(owed.count(START)).toBe(MOST_OWED);
    expect(owed.all(START)[0]?.endsAt).toBeGreaterThan(after(START, minutes(1)));
  });
});
