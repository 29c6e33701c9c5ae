// Every client of the catalogue against the whole daemon: it searches as it does, finds its own of the two devices, maps,
// and what it did stands in the table, in the kernel and at the carrier.

import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { minutes, seconds } from '../../src/base/time.ts';
import { disagreements } from '../doubles/agreement.ts';
import { CLIENTS } from '../doubles/clients/client-catalogue.ts';
import { WAN_IP_1, WAN_IP_2 } from '../doubles/clients/usual-calls.ts';
import { type PlayReport, play } from '../doubles/control-point.ts';
import { simulatedControlPointHttp } from '../doubles/control-point-simulated-http.ts';
import { search } from '../doubles/control-point-ssdp.ts';
import { DaemonWorld, ROUTER } from '../doubles/daemon-world.ts';

const OWN = IpAddress.of('192.168.1.20');
const USES_VERSION_2 = new Set(['tailscale', 'syncthing', 'nat-port-mapper']);

const problems = (report: PlayReport): readonly string[] =>
  report.steps.flatMap(({ what, got, problem }) => (problem === undefined ? [] : [`${what}: ${got}: ${problem}`]));

/** From what it said and heard: which ports it must have in the end. */
function portsLeftBy(report: PlayReport): readonly string[] {
  const left = new Set<string>();
  for (const { what, sent, got } of report.steps) {
    if (!got.startsWith('OK')) continue;
    const word = (name: string): string => new RegExp(`${name}=(\\S+)`).exec(`${sent} ${got}`)?.[1] ?? '';
    const name = `${word('NewProtocol')} ${word('NewReservedPort') || word('NewExternalPort')}`;
    if (what === 'AddPortMapping' || what === 'AddAnyPortMapping') left.add(name);
    // Without a protocol its only mapping on that port is meant.
    if (what === 'DeletePortMapping') for (const port of left) if (port.endsWith(name)) left.delete(port);
  }
  return [...left].sort();
}

describe.each(['nftables', 'none'] as const)('igd = "auto", nat = "%s"', (nat) => {
  it.each(CLIENTS.map((client) => [client.key, client] as const))('%s', async (key, client) => {
    const world = await DaemonWorld.open({ nat });
    const host = world.lanHost(OWN.text);
    const http = simulatedControlPointHttp(world.simulated.network, host, OWN);
    const gateway = IpAddress.of(ROUTER);
    const options = { host, http, own: OWN, gateway, externalPort: 16_881, internalPort: 6881 };
    await world.passes(seconds(3));
    const report = await world.clock.resolve(play(client, options), minutes(5));
    expect(problems(report)).toEqual([]);
    expect(report.isContent).toBe(true);
    expect(report.connectionType).toBe(USES_VERSION_2.has(key) ? WAN_IP_2 : WAN_IP_1);
    await world.passes(seconds(2));
    const table = world.table().map(({ protocol, externalPort }) => `${protocol} ${externalPort}`);
    expect(table.sort()).toEqual(portsLeftBy(report));
    // Promises are kept by the computers of other stories; here the report is the witness.
    const others = (await disagreements(world)).filter((text) => !text.startsWith('nobody was told'));
    expect(others).toEqual([]);
  });
});

describe('SSDP of the whole daemon', () => {
  it.each([
    ['ssdp:all', ['igd1', 'igd2'], 6],
    ['upnp:rootdevice', ['igd1'], 1],
    ['urn:schemas-upnp-org:device:InternetGatewayDevice:1', ['igd1'], 1],
    ['urn:schemas-upnp-org:device:InternetGatewayDevice:2', ['igd2'], 1],
    ['urn:schemas-upnp-org:service:WANIPConnection:2', ['igd2'], 1],
  ])('shows to a search for %s what it asks for: %s (UDA 1.1 §1.3)', async (target, documents, uuids) => {
    const world = await DaemonWorld.open();
    const host = world.lanHost(OWN.text);
    const lines = ['HOST: 239.255.255.250:1900', 'MAN: "ssdp:discover"', 'MX: 2', `ST: ${target}`];
    const found = await world.clock.resolve(search(host, OWN, { lines, patience: seconds(3) }), seconds(5));
    if (!found.ok) throw new Error(found.error);
    const locations = new Set(found.value.map(({ location }) => location));
    expect([...locations].sort()).toEqual(documents.map((name) => `http://${ROUTER}:5000/${name}.xml`));
    expect(new Set(found.value.map(({ usn }) => usn.split('::')[0])).size).toBe(uuids);
  });

  it('keeps the UUIDs over a restart (UDA 1.1 §1.1.4)', async () => {
    const world = await DaemonWorld.open();
    const uuids = async (): Promise<readonly string[]> => {
      const http = simulatedControlPointHttp(world.simulated.network, world.lanHost(OWN.text), OWN);
      const place = { endpoint: { address: IpAddress.of(ROUTER), port: 5000 }, path: '/igd1.xml' };
      const got = await http.ask({ method: 'GET', place, headers: [], body: '', within: seconds(5) });
      return got.ok ? [...got.value.body.matchAll(/<UDN>(.*?)<\/UDN>/g)].map(([, udn = '']) => udn) : [];
    };
    const before = await uuids();
    expect(before).toHaveLength(3);
    await world.crashes();
    expect(await uuids()).toEqual(before);
  });
});
