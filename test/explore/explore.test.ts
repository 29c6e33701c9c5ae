// Every order of what can happen to one mapping, and to two, up to a depth: packets that are lost, doubled, late; time;
// kill -9; a server that restarts. No state that can be reached may hold a mapping at the server that nobody knows of, or
// promise one that nobody asks for. `IGD2PCP_EXPLORE=deep` goes further than `npm test` has the time for.

import { afterEach, describe, expect, it, vi } from 'vitest';
import { Ledger } from '../../src/mapping/ledger.ts';
import { MappingFile } from '../../src/mapping/mapping-file.ts';
import { EpochWatch } from '../../src/pcp/asking/epoch.ts';
import { type Budget, type Errand, ExploredWorld, type Step } from './explored-world.ts';

const isDeep = process.env['IGD2PCP_EXPLORE'] === 'deep';

interface Explored {
  readonly states: number;
  readonly wrong: readonly string[];
}

/** Breadth first, so that what is found comes with the shortest story that leads to it. */
async function explore(errands: readonly Errand[], budget: Budget, depth: number): Promise<Explored> {
  const seen = new Set<string>();
  let level: readonly (readonly Step[])[] = [[]];
  for (let length = 0; length <= depth && level.length > 0; length += 1) {
    const next: (readonly Step[])[] = [];
    for (const steps of level) {
      const world = await ExploredWorld.after(errands, budget, steps);
      const text = world.text();
      const isNew = !seen.has(text);
      seen.add(text);
      const wrong = isNew
        ? [...world.wrongNow(), ...stepsIf(length < depth, world, steps, next), ...(await world.wrongWhenCalm())]
        : [];
      world.ends();
      if (wrong.length > 0) return { states: seen.size, wrong: [`after ${storyOf(steps)}:`, ...wrong] };
    }
    level = next;
  }
  return { states: seen.size, wrong: [] };
}

function stepsIf(
  isToGoOn: boolean,
  world: ExploredWorld,
  steps: readonly Step[],
  next: (readonly Step[])[],
): readonly string[] {
  if (isToGoOn) for (const step of world.steps()) next.push([...steps, step]);
  return [];
}

const storyOf = (steps: readonly Step[]): string => steps.map((step) => Object.values(step).join(' ')).join(', ');

const A = 6881;
const B = 6882;
const NO_FAULTS: Budget = { lost: 0, doubled: 0, kills: 0, serverRestarts: 0 };
const ONE_FAULT_EACH: Budget = { lost: 1, doubled: 1, kills: 1, serverRestarts: 1 };

describe('every order of events', () => {
  it('of one mapping that is opened and closed leaves nothing behind and breaks no promise (RFC 6887 §15, IWF-45)', async () => {
    const { states, wrong } = await explore([{ open: A }, { close: A }], ONE_FAULT_EACH, isDeep ? 7 : 4);
    if (isDeep) console.log(`one mapping: ${states} states`);
    expect(wrong).toEqual([]);
    expect(states).toBeGreaterThan(500);
  }, 7_200_000);

  it('of two mappings (RFC 6887 §15, IWF-45)', async () => {
    const { states, wrong } = await explore([{ open: A }, { open: B }, { close: A }], ONE_FAULT_EACH, isDeep ? 6 : 3);
    if (isDeep) console.log(`two mappings: ${states} states`);
    expect(wrong).toEqual([]);
    expect(states).toBeGreaterThan(100);
  }, 7_200_000);
});

describe('a story that went wrong once', () => {
  const ask: Step = { kind: 'ask' };
  const kill: Step = { kind: 'kill' };
  const pass: Step = { kind: 'pass' };
  const deliver = (which: number): Step => ({ kind: 'deliver', which });

  it.each<[string, readonly Step[]]>([
    ['the deletion after a kill overtakes the request before it', [ask, kill, deliver(2)]],
    [
      'a copy of that request comes behind the deletion that a host asked for after the kill',
      [ask, { kind: 'double', which: 0 }, deliver(1), kill, ask, deliver(2)],
    ],
    [
      'the server restarts while its answer is on the way',
      [ask, deliver(0), { kind: 'server restarts', keepsTable: false }, pass],
    ],
  ])('%s', async (_, steps) => {
    const world = await ExploredWorld.after([{ open: A }, { close: A }], ONE_FAULT_EACH, steps);
    expect([...world.wrongNow(), ...(await world.wrongWhenCalm())]).toEqual([]);
    world.ends();
  });
});

describe('a planted fault is found', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  const found = async (errands: readonly Errand[], budget: Partial<Budget>, depth: number): Promise<string> =>
    (await explore(errands, { ...NO_FAULTS, ...budget }, depth)).wrong.join(' ');

  it('what is asked for is not noted before the packet leaves', async () => {
    vi.spyOn(Ledger.prototype, 'ask').mockReturnValue(true);
    expect(await found([{ open: A }], { kills: 1 }, 3)).toContain('for nobody');
  });

  it('an entry that ends is not owed', async () => {
    vi.spyOn(Ledger.prototype, 'owe').mockReturnValue(undefined);
    expect(await found([{ open: A }], { lost: 1, kills: 1 }, 4)).toContain('for nobody');
  });

  it('what an earlier life asked for is deleted only once', async () => {
    vi.spyOn(Ledger.prototype, 'doubt').mockImplementation(function (this: Ledger, release) {
      this.done(release);
    });
    expect(await found([{ open: A }], { kills: 1 }, 3)).toContain('for nobody');
  });

  it('a restart of the server is not noticed', async () => {
    vi.spyOn(EpochWatch.prototype, 'judge').mockReturnValue('plausible');
    expect(await found([{ open: A }], { serverRestarts: 1 }, 4)).toContain('not at the server');
  });

  it('what was promised is not on the disk', async () => {
    vi.spyOn(MappingFile.prototype, 'begin').mockResolvedValue(undefined);
    expect(await found([{ open: A }], { kills: 1 }, 4)).toMatch(/for nobody|promised and is gone/);
  });
});
