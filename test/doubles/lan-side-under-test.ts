// The LAN side as the daemon opens it, with a fake gateway behind it, on any host: what control points are played against.

import { Driver } from '../../src/base/drive.ts';
import type { Host } from '../../src/base/host.ts';
import { IpAddress } from '../../src/base/ip-address.ts';
import { NetworkWatch } from '../../src/base/network-watch.ts';
import { portNumber } from '../../src/base/port-number.ts';
import { readConfig } from '../../src/config/config-reader.ts';
import { LanSide } from '../../src/lan/lan-side.ts';
import { descriptorTexts } from './descriptor-texts.ts';
import { FakeGateway } from './fake-gateway.ts';

const uuids = (digit: string) => ({
  root: `${digit.repeat(8)}-0000-4000-8000-000000000001`,
  wan: `${digit.repeat(8)}-0000-4000-8000-000000000002`,
  connection: `${digit.repeat(8)}-0000-4000-8000-000000000003`,
});

export interface LanSideUnderTest {
  readonly gateway: FakeGateway;
  readonly side: LanSide;
  readonly driver: Driver;
  close(): Promise<void>;
}

export async function openLanSide(
  host: Host,
  lan: readonly string[],
  igd: 'auto' | '1' | '2',
  httpPort = 5000,
): Promise<LanSideUnderTest> {
  const fileText = `[lan]\ninterfaces = ${JSON.stringify(lan)}\nigd = "${igd}"\n`;
  const config = readConfig({ args: new Map(), env: {}, fileName: 'test.toml', fileText, purpose: 'command' });
  if (!config.ok) throw new Error(JSON.stringify(config.error));
  const gateway = new FakeGateway();
  // A client needs an address that strangers could reach.
  gateway.address = IpAddress.of('5.6.7.8');
  const driver = new Driver(host.clock);
  const opened = await LanSide.open({
    host,
    driver,
    config: { ...config.value, lan: { ...config.value.lan, httpPort: portNumber(httpPort) } },
    watch: new NetworkWatch(host.clock, driver),
    identity: { igd1: uuids('a'), igd2: uuids('b'), bootId: 1, nonceSecret: '' },
    descriptors: descriptorTexts(),
    gateway,
    version: '0.1.0',
    wanInterface: () => undefined,
    isDemo: false,
    presentation: () => ({ status: 200 }),
    prepare: async () => {},
    machineOf: (address) => address.text,
    observe: () => queueMicrotask(() => opened.ok && opened.value.publishChanges()),
    turnedAway: () => {},
  });
  if (!opened.ok) throw new Error(opened.error);
  const close = async (): Promise<void> => {
    await opened.value.close();
    driver.close();
  };
  return { gateway, side: opened.value, driver, close };
}
