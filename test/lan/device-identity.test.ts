import { describe, expect, it } from 'vitest';
import { wallTime } from '../../src/base/time.ts';
import { isUuid } from '../../src/base/uuid.ts';
import { loadDeviceIdentity } from '../../src/lan/device-identity.ts';
import { seededRandom } from '../doubles/seeded-random.ts';
import { SimulatedFiles } from '../doubles/simulated-files.ts';

const load = async (files: SimulatedFiles, seed: number, now: number) => {
  const loaded = await loadDeviceIdentity(files, '/state', seededRandom(seed), wallTime(now));
  if (!loaded.ok) throw new Error(loaded.error.message);
  return loaded.value;
};

describe('the identity of the devices', () => {
  it('is made once: UUIDs stay, the boot counter grows (UDA 1.1 §1.2.2)', async () => {
    const files = new SimulatedFiles();
    const first = await load(files, 1, 1_700_000_000_000);
    const second = await load(files, 2, 1_700_000_100_000);
    expect(second.identity.igd1).toEqual(first.identity.igd1);
    expect(second.identity.igd2).toEqual(first.identity.igd2);
    expect(second.identity.bootId).toBeGreaterThan(first.identity.bootId);
    const all = [first.identity.igd1, first.identity.igd2].flatMap((uuids) => Object.values(uuids));
    expect(new Set(all).size).toBe(6);
    expect(all.every(isUuid)).toBe(true);
  });

  it('the boot counter grows even when the calendar clock was set back', async () => {
    const files = new SimulatedFiles();
    const first = await load(files, 1, 1_700_000_000_000);
    const second = await load(files, 2, 1_000_000_000_000);
    expect(second.identity.bootId).toBeGreaterThan(first.identity.bootId);
  });

  it('the boot counter grows from start to start after 2038, within 31 bits (UDA 1.1 §1.2.2)', async () => {
    const files = new SimulatedFiles();
    const ids: number[] = [];
    for (const year of [2037, 2039, 2040, 2087]) {
      const { identity } = await load(files, 1, Date.UTC(year, 6, 1));
      ids.push(identity.bootId);
    }
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    expect(new Set(ids).size).toBe(4);
    expect(ids.every((id) => id > 0 && id <= 0x7fff_ffff)).toBe(true);
  });

  it('the boot counter leaves room for interfaces that come and go, on a box that always starts in 1970', async () => {
    const files = new SimulatedFiles();
    const first = await load(files, 1, 12_000);
    const second = await load(files, 2, 12_000);
    expect(first.identity.bootId).toBeGreaterThan(0);
    expect(second.identity.bootId - first.identity.bootId).toBeGreaterThan(100);
  });

  it('a boot counter from before the present way of counting still grows', async () => {
    const files = new SimulatedFiles();
    const { identity } = await load(files, 1, Date.UTC(2026, 0, 1));
    files.put('/state/devices.json', JSON.stringify({ ...identity, bootId: 1_790_000_000 }));
    const next = await load(files, 1, Date.UTC(2026, 0, 2));
    expect(next.identity.bootId).toBeGreaterThan(1_790_000_000);
  });

  it.each(['', '{', '[]', 'null', '{"igd1":{"root":"x"}}'])('a damaged file ("%s") gives new UUIDs', async (text) => {
    const files = new SimulatedFiles(new Map([['/state/devices.json', text]]));
    const { identity, problem } = await load(files, 3, 1_700_000_000_000);
    expect(isUuid(identity.igd1.root)).toBe(true);
    expect(problem).toBeUndefined();
  });

  it.each(['denied', 'failed'] as const)('a file that cannot be read (%s) is left as it is', async (kind) => {
    const files = new SimulatedFiles();
    await load(files, 1, 1_700_000_000_000);
    const before = files.snapshot();
    files.unreadable = kind;
    await expect(load(files, 2, 1_700_000_100_000)).rejects.toThrow('/state/devices.json');
    expect(files.snapshot()).toEqual(before);
  });

  it('says why it could not be kept', async () => {
    const files = new SimulatedFiles();
    files.failWith('denied');
    const { identity, problem } = await load(files, 4, 1_700_000_000_000);
    expect(isUuid(identity.igd2.connection)).toBe(true);
    expect(problem).toContain('/state/devices.json');
  });
});

describe('the secret that nonces are derived from (RFC 6887 §11.2, P-34)', () => {
  it('is made once, and added to a file that has none yet', async () => {
    const files = new SimulatedFiles();
    const first = await load(files, 1, 1_700_000_000_000);
    expect(first.identity.nonceSecret).toMatch(/^[0-9a-f]{64}$/);
    expect((await load(files, 2, 1_700_000_100_000)).identity.nonceSecret).toBe(first.identity.nonceSecret);
    const { nonceSecret: _, ...older } = first.identity;
    files.put('/state/devices.json', JSON.stringify(older));
    const third = await load(files, 3, 1_700_000_200_000);
    expect(third.identity.igd1).toEqual(first.identity.igd1);
    expect(third.identity.nonceSecret).toMatch(/^[0-9a-f]{64}$/);
  });
});
