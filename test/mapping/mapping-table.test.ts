import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { portNumber } from '../../src/base/port-number.ts';
import { instant } from '../../src/base/time.ts';
import { type Mapping, type MappingChanges, mappingKeyText } from '../../src/mapping/mapping.ts';
import { MappingTable } from '../../src/mapping/mapping-table.ts';
import { START, someMapping } from './some-mapping.ts';

function tableThatTells(): { table: MappingTable; told: MappingChanges[] } {
  const table = new MappingTable();
  const told: MappingChanges[] = [];
  table.listen((changes) => told.push(changes));
  return { table, told };
}

describe('MappingTable', () => {
  it('finds an entry by key, external port, service, client, nonce and index (RFC 6970 §5.3, IWF-44)', () => {
    const { table } = tableThatTells();
    const mapping = someMapping(5001);
    const other = someMapping(5001, { remoteHost: '203.0.113.9' }, { nonce: 'f'.repeat(24) });
    table.put(mapping);
    table.put(other);
    expect(table.find(mapping)).toBe(mapping);
    expect(table.onExternalPort('TCP', portNumber(5001))).toEqual([mapping, other]);
    expect(table.onExternalPort('UDP', portNumber(5001))).toEqual([]);
    expect(table.onInternalPort(mapping.internalClient, 'TCP', portNumber(5001))).toEqual([mapping, other]);
    expect(table.ofClient(mapping.internalClient)).toEqual([mapping, other]);
    expect(table.countOfClient(mapping.internalClient)).toBe(2);
    expect(table.countOfClient(IpAddress.of('10.0.0.1'))).toBe(0);
    expect([...table.clients()]).toEqual([mapping.internalClient.text]);
    expect(table.withNonce('f'.repeat(24))).toEqual([other]);
    expect([table.at(0), table.at(1), table.at(2)]).toEqual([mapping, other, undefined]);
  });

  it('knows which renewal and which lease end comes first (RFC 6970 §5.9)', () => {
    const { table } = tableThatTells();
    table.put(someMapping(1, { leaseEndsAt: undefined }, { renewAt: instant(30) }));
    table.put(someMapping(2, { leaseEndsAt: instant(50) }, { renewAt: instant(10) }));
    table.put(someMapping(3, { leaseEndsAt: instant(40) }, { renewAt: instant(20) }));
    expect(table.nextRenewal()).toMatchObject({ at: 10, mapping: { externalPort: 2 } });
    expect(table.nextLeaseEnd()).toMatchObject({ at: 40, mapping: { externalPort: 3 } });
    table.put(someMapping(3, { leaseEndsAt: undefined }, { renewAt: instant(5) }));
    expect(table.nextRenewal()).toMatchObject({ at: 5, mapping: { externalPort: 3 } });
    expect(table.nextLeaseEnd()).toMatchObject({ at: 50, mapping: { externalPort: 2 } });
  });

  it('announces changes made together once (U-14)', () => {
    const { table, told } = tableThatTells();
    table.batch(() => {
      table.put(someMapping(1));
      table.batch(() => table.put(someMapping(2)));
      table.remove(someMapping(1), 'deleted', 'a test wants it');
    });
    expect(told.map((changes) => changes.map((change) => change.kind))).toEqual([['added', 'added', 'removed']]);
  });

  it('announces what listeners do after what they were told', () => {
    const table = new MappingTable();
    const told: string[] = [];
    table.listen((changes) => {
      told.push(`first ${changes.map((change) => change.kind)}`);
      if (changes[0]?.kind === 'added') table.remove(changes[0].mapping, 'deleted', 'not wanted');
    });
    table.listen((changes) => told.push(`second ${changes.map((change) => change.kind)}`));
    table.put(someMapping(1));
    expect(told).toEqual(['first added', 'second added', 'first removed', 'second removed']);
  });

  it('says whether a change is one a control point can see', () => {
    const { table, told } = tableThatTells();
    const mapping = someMapping(1);
    table.put(mapping);
    const invisible = [
      { ...mapping, state: 'restoring' as const },
      { ...mapping, upstream: { ...mapping.upstream, expiresAt: instant(START + 1) } },
    ];
    const visible = [
      { ...mapping, description: 'chess' },
      { ...mapping, internalPort: portNumber(9) },
      { ...mapping, leaseEndsAt: undefined },
      { ...mapping, upstream: { ...mapping.upstream, assignedAddress: IpAddress.of('198.51.100.8') } },
    ];
    for (const next of [...invisible, ...visible]) {
      table.put(mapping);
      told.length = 0;
      table.put(next);
      expect(told[0]?.[0]).toMatchObject({ kind: 'updated', isVisible: !invisible.includes(next as never) });
    }
  });

  it('moves an entry to another key without changing its index (Q-08)', () => {
    const { table, told } = tableThatTells();
    table.put(someMapping(1));
    table.put(someMapping(2));
    const moved = { ...someMapping(1), externalPort: portNumber(9) };
    table.move(someMapping(1), moved);
    expect(table.at(0)).toBe(moved);
    expect(table.find(someMapping(1))).toBeUndefined();
    expect(told.at(-1)).toMatchObject([{ kind: 'updated', isVisible: true, previous: { externalPort: 1 } }]);
    expect(() => table.move(moved, { ...moved, externalPort: portNumber(2) })).toThrow('already');
  });

  it('removing what is not there is nothing', () => {
    const { table, told } = tableThatTells();
    expect(table.remove(someMapping(1), 'deleted', 'why not')).toBeUndefined();
    expect(told).toEqual([]);
  });

  it('keeps every index equal to a plain walk over the entries, whatever happens', () => {
    const step = fc.record({
      kind: fc.constantFrom('put', 'remove', 'move'),
      port: fc.integer({ min: 1, max: 12 }),
      to: fc.integer({ min: 1, max: 12 }),
      renewAt: fc.nat(100),
      client: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const table = new MappingTable();
        const model = new Map<string, Mapping>();
        for (const step of steps) takeStep(table, model, step);
        const all = [...model.values()];
        const least = (values: readonly number[]) => (values.length === 0 ? undefined : Math.min(...values));
        expect(new Set(table.all())).toEqual(new Set(all));
        expect(all.every((mapping) => table.find(mapping) === mapping)).toBe(true);
        expect(table.nextRenewal()?.at).toBe(least(all.map((mapping) => mapping.upstream.renewAt)));
        expect(table.nextLeaseEnd()?.at).toBe(least(all.map((mapping) => mapping.leaseEndsAt ?? Number.NaN)));
        for (const client of ['10.0.0.1', '10.0.0.2', '10.0.0.3'])
          expect(table.countOfClient(IpAddress.of(client))).toBe(
            all.filter((mapping) => mapping.internalClient.text === client).length,
          );
      }),
      { seed: 6, numRuns: 200 },
    );
  });
});

interface Step {
  readonly kind: string;
  readonly port: number;
  readonly to: number;
  readonly renewAt: number;
  readonly client: number;
}

function takeStep(table: MappingTable, model: Map<string, Mapping>, { kind, port, to, renewAt, client }: Step): void {
  const change = { internalClient: IpAddress.of(`10.0.0.${client}`), leaseEndsAt: instant(200 - renewAt) };
  const mapping = someMapping(port, change, { renewAt: instant(renewAt) });
  const moved = { ...mapping, externalPort: portNumber(to) };
  if (kind === 'put') {
    table.put(mapping);
    model.set(mappingKeyText(mapping), mapping);
  } else if (kind === 'remove') {
    table.remove(mapping, 'deleted', 'random');
    model.delete(mappingKeyText(mapping));
  } else if (model.has(mappingKeyText(mapping)) && !model.has(mappingKeyText(moved))) {
    table.move(mapping, moved);
    model.delete(mappingKeyText(mapping));
    model.set(mappingKeyText(moved), moved);
  }
}
