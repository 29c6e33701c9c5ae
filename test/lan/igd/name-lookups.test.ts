import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../../src/base/ip-address.ts';
import { NameLookups } from '../../../src/lan/igd/name-lookups.ts';

/** Answers when told to. */
class SlowNames {
  readonly asked: string[] = [];
  readonly lookups = new NameLookups(
    (name) =>
      new Promise((answer) => {
        this.asked.push(name);
        this.#pending.push(() => answer([IpAddress.of('198.51.100.1')]));
      }),
  );
  readonly #pending: (() => void)[] = [];

  answerAll(): void {
    for (const answer of this.#pending.splice(0)) answer();
  }
}

describe('looking up names for strangers', () => {
  it('runs two lookups at a time and gives up on more', async () => {
    const names = new SlowNames();
    const first = [names.lookups.addresses('a'), names.lookups.addresses('b')];
    expect(await names.lookups.addresses('c')).toEqual([]);
    expect(names.asked).toEqual(['a', 'b']);
    names.answerAll();
    expect((await Promise.all(first)).map((addresses) => addresses.length)).toEqual([1, 1]);
    const later = names.lookups.addresses('c');
    names.answerAll();
    expect((await later).length).toBe(1);
  });

  it('asks once for a name several wait for, in whatever capitals', async () => {
    const names = new SlowNames();
    const both = [names.lookups.addresses('Peer.example'), names.lookups.addresses('peer.EXAMPLE')];
    names.answerAll();
    expect((await Promise.all(both)).map(String)).toEqual(['198.51.100.1', '198.51.100.1']);
    expect(names.asked).toEqual(['Peer.example']);
  });
});
