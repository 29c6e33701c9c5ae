// Why all this: Debian's miniupnpd alone in the CPE, behind the same carrier. upnpc must not find a valid IGD there;
// should it ever do, the lab's first check no longer shows what we are for.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from './report.mjs';
import { Upnpc } from './upnpc.mjs';

export async function showBaseline({ network, check }) {
  const config = join(network.folder, `${network.set}-baseline.conf`);
  const pidFile = join(network.folder, `${network.set}-baseline.pid`);
  const lines = [
    'ext_ifname=wan',
    'listening_ip=br-lan',
    'enable_upnp=yes',
    'uuid=8a1f6b66-1b3b-4f67-8a5e-9d2d1a6b0c13',
  ];
  writeFileSync(config, `${lines.join('\n')}\nallow 1024-65535 0.0.0.0/0 1024-65535\n`);
  await check('miniupnpd', 'alone in the CPE: upnpc finds no valid IGD', async () => {
    const args = ['-d', '-f', config, '-P', pidFile];
    const miniupnpd = network.namespaces.start('cpe', 'baseline', '/usr/sbin/miniupnpd', args);
    try {
      const said = await new Upnpc(network, 'host').say('-s');
      expect(!said.includes('Found valid IGD'), 'it does');
      return said.split('\n').find((line) => /IGD/.test(line)) ?? 'nothing found';
    } finally {
      await miniupnpd.stop('SIGKILL');
    }
  });
}
