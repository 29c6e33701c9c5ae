import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { serversIn } from '../../src/upstream/pcp-servers.ts';
import { ServerSearch } from '../../src/upstream/server-search.ts';
import { SimulatedWorld } from '../doubles/simulated-host.ts';

const DHCP_FILE = '/tmp/pcp';

function searchingHost() {
  const host = new SimulatedWorld().host([]);
  host.defaultRoutes = { IPv4: { interfaceName: 'wan', gateway: IpAddress.of('203.0.113.1') } };
  host.files.put(DHCP_FILE, '192.0.2.1\n');
  const search = new ServerSearch(host, { servers: [{ kind: 'auto' }], dhcpFile: DHCP_FILE });
  const look = async () => {
    await search.look(true, () => true);
    return serversIn(search.considered).map(({ id }) => String(id));
  };
  return { host, look };
}

describe('the search for PCP servers', () => {
  it('does not turn to the gateway because the DHCP file cannot be read for a moment', async () => {
    const { host, look } = searchingHost();
    expect(await look()).toEqual(['192.0.2.1']);
    host.files.unreadable = 'failed';
    expect(await look()).toEqual(['192.0.2.1']);
    host.files.unreadable = undefined;
    host.files.put(DHCP_FILE, '192.0.2.2\n');
    expect(await look()).toEqual(['192.0.2.2']);
  });

  it('does when the file is gone, and then has forgotten what was in it', async () => {
    const { host, look } = searchingHost();
    await look();
    await host.files.remove(DHCP_FILE);
    expect(await look()).toEqual(['203.0.113.1']);
    host.files.unreadable = 'failed';
    expect(await look()).toEqual(['203.0.113.1']);
  });
});
