import { expect, it } from 'vitest';
import { readConfig } from '../../src/config/config-reader.ts';
import { missingOnThisBox, objectionToLans } from '../../src/daemon/config-on-this-box.ts';
import { SimulatedWorld } from '../doubles/simulated-host.ts';

const host = new SimulatedWorld().host([
  { name: 'br-lan', address: '192.168.1.1/24' },
  { name: 'wan', address: '100.64.1.2/24' },
]);

function configOf(lan: readonly string[], wan: string) {
  const fileText = `lan.interfaces = ${JSON.stringify(lan)}\nwan.interface = "${wan}"\npcp.trusted = true\n`;
  const read = readConfig({ args: new Map(), env: {}, fileText, fileName: 'igd2pcp.toml', purpose: 'run' });
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value;
}

it('a configuration whose interfaces are all there draws no remark', async () => {
  expect(await missingOnThisBox(host, configOf(['br-lan'], 'wan'))).toEqual([]);
  expect(await objectionToLans(host, configOf(['br-lan'], 'wan'))).toBeUndefined();
});

it('each interface that is missing is named, with those that are there', async () => {
  const remarks = await missingOnThisBox(host, configOf(['br-lna', 'br-lan'], 'wna'));
  expect(remarks).toEqual([
    'lan.interfaces: "br-lna" is not there now: no interface "br-lna" is up with an IPv4 address; there are br-lan (192.168.1.1), wan (100.64.1.2)',
    'wan.interface: "wna" is not there now, is down, or has no address',
  ]);
  expect(await missingOnThisBox(host, configOf(['br-lan'], ''))).toEqual([
    'wan.interface: there is no default route now to find it by',
  ]);
});

it('a LAN that is the external interface is an objection', async () => {
  expect(await objectionToLans(host, configOf(['100.64.1.2'], 'wan'))).toMatch(
    /^lan\.interfaces: "100\.64\.1\.2" cannot/,
  );
});
