// The whole daemon on a random walk, from fixed seeds. IGD2PCP_FUZZ=long walks further, and from more of them.

import { describe, expect, it } from 'vitest';
import { minutes } from '../../src/base/time.ts';
import { DaemonWalk } from '../doubles/daemon-walk.ts';
import { DaemonWorld } from '../doubles/daemon-world.ts';

const IS_LONG = process.env['IGD2PCP_FUZZ'] === 'long';
const SEEDS = Array.from({ length: IS_LONG ? 40 : 2 }, (_, index) => index + 1);
const CALMS = IS_LONG ? 20 : 3;
const STEPS_BETWEEN = 80;

const SETTINGS = {
  'lan.ssdp': 'false',
  'hosts.grace': '"2m"',
  'policy.requests_per_minute': '0',
  'policy.max_mappings_per_client': '8',
};

/** A calm outlasts all grants, also those of WAN addresses the box had before. */
const CARRIER = { options: { longestLifetime: minutes(10) } };

describe.each(['nftables', 'none'] as const)('a random walk (nat = "%s")', (nat) => {
  it.each(SEEDS)(
    'table, carrier, kernel and control points agree (seed %i; RFC 6970 §5.3, IWF-44, IWF-46, IWF-52)',
    async (seed) => {
      const world = await DaemonWorld.open({ nat, seed, settings: SETTINGS, carrier: CARRIER });
      const walk = new DaemonWalk(world, seed);
      for (let calm = 0; calm < CALMS; calm += 1) {
        for (let step = 0; step < STEPS_BETWEEN; step += 1) {
          const wrong = await walk.step();
          if (wrong.length > 0)
            expect.fail(`step ${walk.steps}: ${wrong.join('; ')}\n${walk.story.slice(-40).join('\n')}`);
        }
        const wrong = await walk.calm();
        if (wrong.length > 0)
          expect.fail(`calm after ${walk.steps}: ${wrong.join('; ')}\n${walk.story.slice(-90).join('\n')}`);
      }
      expect(walk.answers).toBeGreaterThan(CALMS * 30);
    },
    600_000,
  );
});
