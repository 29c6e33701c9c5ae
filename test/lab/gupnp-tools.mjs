// gupnp-tools on a LAN host: what its discovery finds, and whether its control point subscribes and hears events.
// GUPnP is the stack beneath many GNOME and embedded control points; nobody else here speaks through it.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Namespaces } from './namespaces.mjs';
import { expect, until } from './report.mjs';

const GATEWAY = '192.168.1.1';
const HOST = '192.168.1.20';
const BASE = `http://${GATEWAY}:5000`;
/** The program waits this long for answers; it asks with MX 3. */
const SEARCH_SECONDS = 4;
const LISTEN_SECONDS = 5;

const device = (type) => `urn:schemas-upnp-org:device:${type}`;
const service = (type) => `urn:schemas-upnp-org:service:${type}`;

/** Who searches for what must be led where; undefined: nobody may answer. */
const LEADS = [
  ['upnp:rootdevice', '/igd1.xml'],
  [device('InternetGatewayDevice:1'), '/igd1.xml'],
  [device('InternetGatewayDevice:2'), '/igd2.xml'],
  [service('WANIPConnection:1'), '/igd1.xml'],
  [service('WANIPConnection:2'), '/igd2.xml'],
  [service('WANCommonInterfaceConfig:1'), '/igd1.xml'],
  [service('WANPPPConnection:1'), undefined],
  [device('InternetGatewayDevice:3'), undefined],
];

export async function playGupnpTools(name, { folder, program, report }) {
  const namespaces = new Namespaces(folder, name);
  const check = (who, what, work) => report.check(name, who, what, work);
  try {
    build(namespaces);
    namespaces.start('cpe', 'igd2pcp', process.execPath, [program, 'run', '--config', configure(folder, name)]);
    await until('the gateway answers', 15_000, async () => (await discover(namespaces, 'upnp:rootdevice')).length > 0);
    await check('gssdp-discover', 'ssdp:all: both gateways, ten resources each', async () => {
      const found = await discover(namespaces, 'ssdp:all');
      for (const path of ['/igd1.xml', '/igd2.xml']) {
        const usns = new Set(found.filter(({ location }) => location === BASE + path).map(({ usn }) => usn));
        expect(usns.size === 10, `${usns.size} resources lead to ${path}`);
      }
    });
    // All at once: each waits for its answers.
    const found = await Promise.all(LEADS.map(([target]) => discover(namespaces, target)));
    for (const [i, [target, path]] of LEADS.entries()) {
      await check('gssdp-discover', `${target}: ${path ?? 'nobody'}`, async () => {
        const locations = [...new Set(found[i]?.map(({ location }) => location))].join(' ');
        expect(locations === (path === undefined ? '' : BASE + path), `led to ${locations || 'nothing'}`);
        expect(found[i]?.every(({ usn }) => usn.endsWith(`::${target}`)) ?? false, 'USN names something else');
      });
    }
    await check(
      'gupnp-event-dumper',
      'reads description and SCPD, subscribes, and hears the initial event',
      async () => {
        const { output } = await namespaces.attempt('host', (LISTEN_SECONDS + 5) * 1000, 'timeout', ...DUMP);
        const [, value] = /\|urn:upnp-org:serviceId:L3Forwarding1\|DefaultConnectionService\|(\S+)/.exec(output) ?? [];
        expect(value?.endsWith(':WANConnectionDevice:1,urn:upnp-org:serviceId:WANIPConn1') ?? false, output);
        return value;
      },
    );
  } finally {
    await namespaces.close();
  }
}

const DUMP = [String(LISTEN_SECONDS), 'stdbuf', '-oL', 'gupnp-event-dumper'];

function build(namespaces) {
  namespaces.add('cpe');
  namespaces.add('host');
  namespaces.link('cpe', 'br-lan', 'host', 'eth0');
  namespaces.run('cpe', 'ip', 'address', 'add', `${GATEWAY}/24`, 'dev', 'br-lan');
  namespaces.run('host', 'ip', 'address', 'add', `${HOST}/24`, 'dev', 'eth0');
  namespaces.run('host', 'ip', 'route', 'add', 'default', 'via', GATEWAY);
}

/** Discovery needs no carrier: the server named here does not exist. */
function configure(folder, name) {
  const config = join(folder, `${name}.toml`);
  const lines = [
    '[lan]',
    'interfaces = ["br-lan"]',
    '[pcp]',
    'servers = ["192.168.1.254"]',
    'trusted = true',
    '[state]',
    `directory = "${join(folder, `${name}-state`)}"`,
    '[admin]',
    `socket = "${join(folder, `${name}.sock`)}"`,
    'listen = "off"',
    '',
  ];
  writeFileSync(config, lines.join('\n'));
  return config;
}

async function discover(namespaces, target) {
  const search = ['-i', 'eth0', `--timeout=${SEARCH_SECONDS}`, '--message-type=available', '-t', target];
  const { output } = await namespaces.attempt('host', (SEARCH_SECONDS + 5) * 1000, 'gssdp-discover', ...search);
  return [...output.matchAll(/USN:\s+(\S+)\s+Location:\s+(\S+)/g)].map(([, usn, location]) => ({ usn, location }));
}
