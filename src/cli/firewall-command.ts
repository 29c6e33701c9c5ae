// `igd2pcp firewall`: which rules this box's own firewall lacks, as text for nft. It only looks: whose firewall it is decides
// what becomes of them.

import type { Host } from '../base/host.ts';
import { seconds } from '../base/time.ts';
import type { Config } from '../config/config.ts';
import { openingRules } from '../packet-filter/firewall-probe.ts';
import { nftListRuleset, nftSuccess } from '../packet-filter/nft-program.ts';
import type { CommandOutcome } from './admin-commands.ts';

/** Large rulesets are listed by small processors. */
const NFT_ENDS_WITHIN = seconds(20);

const IPTABLES_RULE = 'iptables -I FORWARD -m conntrack --ctstate DNAT -j ACCEPT';

export async function firewallCommand(host: Host, config: Config): Promise<CommandOutcome> {
  if (config.wan.nat === 'none') return said('', 'wan.nat is "none": this box sends nothing inwards by itself');
  const wan = config.wan.interface || ((await host.network.defaultRoute('IPv4'))?.interfaceName ?? '');
  const { args, input } = nftListRuleset();
  const listed = nftSuccess(await host.programs.run('nft', args, input, NFT_ENDS_WITHIN));
  const rules = listed.ok ? openingRules(listed.value, wan) : undefined;
  if (rules === undefined)
    return { ...said('', `cannot read the firewall: ${listed.ok ? 'it is not JSON' : listed.error}`), exitCode: 1 };
  if (rules.length === 0) return said('', 'mapped ports pass the firewall: nothing has to be added');
  const lines = rules.filter((rule) => !rule.isIptables).map((rule) => `${rule.nft}\n`);
  const foreign = rules.filter((rule) => rule.isIptables);
  // Whoever made these tables (ufw, Docker) also has the place where a rule survives the next boot.
  const advice = foreign.map(({ chain }) => `chain "${chain}" is made by iptables; it needs: ${IPTABLES_RULE}`);
  return said(lines.join(''), ...advice);
}

const said = (stdout: string, ...complaints: readonly string[]): CommandOutcome => ({
  stdout,
  stderr: complaints.map((text) => `igd2pcp: ${text}\n`).join(''),
  exitCode: 0,
});
