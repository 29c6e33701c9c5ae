import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { firewallCommand } from '../../src/cli/firewall-command.ts';
import { readConfig } from '../../src/config/config-reader.ts';
import { SimulatedWorld } from '../doubles/simulated-host.ts';

/** What the command says on a box with these rules, or with an nft that fails. */
async function consult(ruleset: string | undefined, nat = 'nftables') {
  const box = new SimulatedWorld().host([{ name: 'wan', address: '192.168.1.10/24', segment: 'link' }]);
  box.defaultRoutes.IPv4 = { interfaceName: 'wan', gateway: undefined };
  const stdout = ruleset && readFileSync(new URL(`../packet-filter/rulesets/${ruleset}.json`, import.meta.url), 'utf8');
  box.programs = {
    run: async (program, args) => {
      expect([program, ...args].join(' ')).toMatch(/^nft .*list ruleset$/);
      return stdout === undefined
        ? { ok: false, error: 'nft is not installed' }
        : { ok: true, value: { exitCode: 0, stdout, stderr: '' } };
    },
  };
  const args = new Map([['nat', [nat]]]);
  const config = readConfig({ args, env: {}, fileName: '', purpose: 'command' });
  if (!config.ok) throw new Error(JSON.stringify(config.error));
  return firewallCommand(box, config.value);
}

describe('igd2pcp firewall', () => {
  it('prints the line for the table that drops, whatever its name, and nothing else on standard output', async () => {
    expect(await consult('debian-drop')).toEqual({
      stdout: 'insert rule inet filter forward ct status dnat accept comment "igd2pcp"\n',
      stderr: '',
      exitCode: 0,
    });
  });

  it('prints no rule a second time', async () => {
    const said = await consult('debian-drop-with-dnat');
    expect(said).toMatchObject({ stdout: '', exitCode: 0 });
    expect(said.stderr).toContain('nothing has to be added');
  });

  it('leaves what iptables made to iptables', async () => {
    const said = await consult('some-ports-only');
    expect(said.stdout).toBe('');
    expect(said.stderr).toContain('iptables -I FORWARD -m conntrack --ctstate DNAT -j ACCEPT');
  });

  it('has nothing to add where this box does not translate', async () => {
    expect(await consult('debian-drop', 'none')).toMatchObject({ stdout: '', exitCode: 0 });
  });

  it('says why it cannot read the firewall, with exit code 1', async () => {
    expect(await consult(undefined)).toEqual({
      stdout: '',
      stderr: 'igd2pcp: cannot read the firewall: nft is not installed\n',
      exitCode: 1,
    });
  });
});
