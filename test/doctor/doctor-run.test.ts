import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { seconds } from '../../src/base/time.ts';
import type { Config } from '../../src/config/config.ts';
import { readConfig } from '../../src/config/config-reader.ts';
import { runDoctor } from '../../src/doctor/doctor-run.ts';
import { attachSimulator } from '../doubles/attach-simulator.ts';
import { type SimulatedHost, SimulatedWorld } from '../doubles/simulated-host.ts';
import { at } from '../doubles/simulated-network.ts';

const ROUTER = IpAddress.of('192.168.1.1');

function config(flags: Readonly<Record<string, string>> = {}): Config {
  const args = new Map(Object.entries(flags).map(([flag, text]) => [flag, [text]]));
  const read = readConfig({ args, env: {}, fileName: '', purpose: 'command' });
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value;
}

interface Site {
  readonly world: SimulatedWorld;
  readonly router: SimulatedHost;
  readonly box: SimulatedHost;
}

function site(): Site {
  const world = new SimulatedWorld();
  const router = world.host([{ name: 'eth0', address: '192.168.1.1/24', segment: 'link' }]);
  const box = world.host([
    { name: 'wan', address: '192.168.1.10/24', segment: 'link' },
    { name: 'br-lan', address: '10.0.0.1/24', segment: 'lan' },
  ]);
  box.defaultRoutes.IPv4 = { interfaceName: 'wan', gateway: ROUTER };
  return { world, router, box };
}

async function consult({ world, box }: Site, flags: Readonly<Record<string, string>> = {}, json = false) {
  const printed: string[] = [];
  const end = runDoctor(box, config(flags), { json }, (text) => printed.push(text));
  const code = await world.clock.resolve(end, seconds(120));
  return { code, text: printed.join('') };
}

describe('igd2pcp doctor', () => {
  it('finds the default gateway healthy', async () => {
    const here = site();
    await attachSimulator(here.router, at('192.168.1.1', 5351), { options: { allowThirdParty: true } });
    const { code, text } = await consult(here, { lan: 'br-lan' });
    expect(code).toBe(0);
    expect(text).toContain('DHCP file: passed over, no DHCP file is configured');
    expect(text).toContain('IPv4 default route: 192.168.1.1:5351');
    expect(text).toContain('Verdict: everything that is needed works with 192.168.1.1:5351');
  });

  it('prints JSON for scripts', async () => {
    const here = site();
    await attachSimulator(here.router, at('192.168.1.1', 5351));
    const { code, text } = await consult(here, { nat: 'nftables' }, true);
    expect(code).toBe(0);
    expect(JSON.parse(text)).toMatchObject({ healthy: true, servers: [{ server: '192.168.1.1:5351', speaks: 'PCP' }] });
  });

  it('says that there is no candidate and why, with exit code 1', async () => {
    const here = site();
    here.box.defaultRoutes.IPv4 = { interfaceName: 'ppp0', gateway: undefined };
    const { code, text } = await consult(here);
    expect(code).toBe(1);
    expect(text).toContain('no PCP server candidate: the IPv4 default route has no next hop');
    expect(text).toContain('there is no IPv6 default route');
  });

  it('says that the DHCP file cannot be read, and goes on to the gateway', async () => {
    const here = site();
    const { code, text } = await consult(here, { 'dhcp-file': '/run/pcp' });
    expect(code).toBe(1);
    expect(text).toContain('DHCP file /run/pcp: none, the DHCP file cannot be read');
    expect(text).toContain('nothing listens on UDP port 5351');
  });

  it('asks every server that is named, and is content with one', async () => {
    const here = site();
    await attachSimulator(here.router, at('192.168.1.1', 5352), { options: { allowThirdParty: true } });
    const { code, text } = await consult(here, { 'pcp-server': '192.168.1.1,192.168.1.1:5352', lan: 'br-lan' });
    expect(code).toBe(0);
    expect(text).toMatch(/Server 192\.168\.1\.1:5351 .*\n {2}FAIL/);
    expect(text).toContain('works with 192.168.1.1:5352');
  });
});
