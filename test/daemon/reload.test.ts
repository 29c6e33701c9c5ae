import { describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { configProblemText } from '../../src/config/config-problem.ts';
import { changedKeys, readConfig } from '../../src/config/config-reader.ts';
import { reload } from '../../src/daemon/reload.ts';

function configOf(lines: string): Config {
  const fileText = `[lan]\ninterfaces = ["lan"]\n[pcp]\ntrusted = true\n${lines}`;
  const read = readConfig({ args: new Map(), env: {}, fileText, fileName: 'igd2pcp.toml', purpose: 'run' });
  if (!read.ok) throw new Error(read.error.map(configProblemText).join());
  return read.value;
}

const RUNNING = configOf('');

describe('a configuration that is read again', () => {
  it('changes what is asked for anew each time', () => {
    const wanted = configOf(
      '[policy]\nmax_mappings = 777\n[hosts]\ndhcp_leases = "/leases"\n[admin]\ntoken_file = "/token"\n',
    );
    const { config, changed, late } = reload(RUNNING, wanted);
    expect(changed).toEqual(['policy.max_mappings', 'hosts.dhcp_leases', 'admin.token_file']);
    expect(late).toEqual([]);
    expect(config.policy.maxMappings).toBe(777);
    expect(changedKeys(config, wanted)).toEqual([]);
  });

  it('moves to other interfaces', () => {
    const { config, changed, late } = reload(RUNNING, {
      ...RUNNING,
      lan: { ...RUNNING.lan, interfaces: ['br-new'] },
      wan: { ...RUNNING.wan, interface: 'pppoe-wan' },
    });
    expect([changed, late]).toEqual([['lan.interfaces', 'wan.interface'], []]);
    expect([config.lan.interfaces, config.wan.interface]).toEqual([['br-new'], 'pppoe-wan']);
  });

  it('names what waits for a restart, and does so again the next time', () => {
    const wanted = configOf('[hosts]\ngrace = "1h"\n[admin]\nlisten = "off"\n[log]\nlevel = "debug"\n');
    const first = reload(RUNNING, wanted);
    expect(first.changed).toEqual([]);
    expect(first.late).toEqual(['hosts.grace', 'admin.listen', 'log.level']);
    expect(reload(first.config, wanted).late).toEqual(first.late);
  });

  it('can change every policy there is', () => {
    const { minPort, requestsPerMinute } = RUNNING.policy;
    const wanted = {
      ...RUNNING,
      policy: {
        ...RUNNING.policy,
        minPort: minPort + 1,
        requestsPerMinute: requestsPerMinute + 1,
        ownAddressOnly: false,
      },
    };
    expect(reload(RUNNING, wanted).late).toEqual([]);
  });
});
