import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Driver } from '../../src/base/drive.ts';
import { refused } from '../../src/base/result.ts';
import { seconds } from '../../src/base/time.ts';
import { configProblemText } from '../../src/config/config-problem.ts';
import { readConfig } from '../../src/config/config-reader.ts';
import { WanSide } from '../../src/daemon/wan-side.ts';
import { NftDouble } from '../doubles/nft-double.ts';
import { type SimulatedHost, SimulatedWorld } from '../doubles/simulated-host.ts';

async function open(world: SimulatedWorld, host: SimulatedHost, nat: 'none' | 'nftables'): Promise<WanSide> {
  const fileText = `[lan]\ninterfaces = ["lan"]\n[wan]\ninterface = "wan"\nnat = "${nat}"\n[pcp]\ntrusted = true\n`;
  const config = readConfig({ args: new Map(), env: {}, fileText, fileName: 'igd2pcp.toml', purpose: 'run' });
  if (!config.ok) throw new Error(config.error.map(configProblemText).join());
  const opening = WanSide.open(host, new Driver(host.clock), config.value);
  await world.clock.advance(seconds(1));
  const opened = await opening;
  if (!opened.ok) throw new Error(opened.error);
  return opened.value;
}

it('tells what keeps its NAT from working, for the health sentence', async () => {
  const world = new SimulatedWorld();
  const host = world.host([{ name: 'wan', address: '100.64.0.2/24' }]);
  const nft = new NftDouble();
  nft.ruleset = readFileSync(new URL('../packet-filter/rulesets/debian-drop.json', import.meta.url), 'utf8');
  host.programs = {
    run: async (program, args, input) => (program === 'nft' ? nft.run({ args, input }) : refused('not installed')),
  };
  expect((await open(world, host, 'nftables')).view()).toEqual({
    interfaceName: 'wan',
    nat: 'nftables',
    natProblem: expect.stringContaining('has the policy "drop"'),
    natCounts: expect.objectContaining({ rules: 0, failures: 0 }),
  });
});

it('has no problem with a NAT it does not do', async () => {
  const world = new SimulatedWorld();
  const host = world.host([{ name: 'wan', address: '100.64.0.2/24' }]);
  expect((await open(world, host, 'none')).view()).toEqual({
    interfaceName: 'wan',
    nat: 'none',
    natProblem: undefined,
    natCounts: undefined,
  });
});
