// Debian's other control points, each as one command that maps a port and stays. `first-mapping` asks only how soon.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LAN_HOST } from '../network.mjs';

/** Its number for "there is a router that speaks UPnP". */
const FIREWALL_UPNP = 1;
const python = (text) => ['/usr/bin/python3', '-c', text];

/**
 * Name, the packages that the lab has not got, and the command: `command(port, home)`, after `prepare(port, home)`. `lagMs`:
 * how much later than through miniupnpd it may be, for a reason that is known.
 */
export const SMALL_CLIENTS = [
  {
    name: 'upnpc (miniupnpc)',
    packages: [],
    command: (port) => ['sh', '-c', `upnpc -a ${LAN_HOST} ${port} ${port} TCP 3600; exec sleep 60`],
  },
  {
    name: 'GUPnP IGD',
    packages: ['python3-gi', 'gir1.2-gupnpigd-1.0'],
    command: (port) =>
      python(`
import gi
gi.require_version("GUPnPIgd", "1.0")
from gi.repository import GLib, GUPnPIgd
igd = GUPnPIgd.SimpleIgd()
igd.add_port("TCP", ${port}, "${LAN_HOST}", ${port}, 3600, "lab")
GLib.MainLoop().run()`),
  },
  {
    name: 'Net::UPnP (Perl)',
    packages: ['libnet-upnp-perl'],
    command: (port) => [
      '/usr/bin/perl',
      '-e',
      `use Net::UPnP::ControlPoint; use Net::UPnP::GW::Gateway;
      for my $device (Net::UPnP::ControlPoint->new()->search(st => "urn:schemas-upnp-org:device:InternetGatewayDevice:1", mx => 3)) {
        my $gateway = Net::UPnP::GW::Gateway->new();
        $gateway->setdevice($device);
        last if $gateway->addportmapping(NewExternalPort => ${port}, NewProtocol => "TCP", NewInternalPort => ${port},
          NewInternalClient => "${LAN_HOST}", NewEnabled => 1, NewPortMappingDescription => "lab", NewLeaseDuration => 3600);
      }
      sleep 60;`,
    ],
  },
  {
    // Its port is always the same: it maps, waits for ten seconds, and takes it back.
    name: 'weupnp (Java)',
    endsByItself: true,
    packages: ['libweupnp-java', 'default-jre-headless'],
    command: () => ['java', '-cp', '/usr/share/java/weupnp.jar', 'org.bitlet.weupnp.Main'],
  },
  {
    name: 'Syncthing',
    // It takes a refused NAT-PMP packet for a gateway, which it tries first and for four seconds. We speak no NAT-PMP to the LAN.
    lagMs: 4500,
    packages: ['syncthing'],
    prepare(port, home) {
      const config = join(home, 'config.xml');
      // Its keys take a while, and are no part of this.
      if (!existsSync(config))
        execFileSync('syncthing', ['generate', `--home=${home}`, '--no-default-folder'], {
          stdio: 'ignore',
          env: { ...process.env, HOME: home },
        });
      const text = readFileSync(config, 'utf8').replace(
        /<listenAddress>[^<]*</,
        `<listenAddress>tcp://0.0.0.0:${port}<`,
      );
      writeFileSync(config, text);
    },
    command: (_port, home) => [
      'syncthing',
      'serve',
      `--home=${home}`,
      '--no-browser',
      '--no-restart',
      '--no-upgrade',
      '--gui-address=127.0.0.1:8384',
    ],
  },
  {
    name: 'EiskaltDC++ (miniupnpc)',
    packages: ['eiskaltdcpp-daemon'],
    prepare(port, home) {
      const numbers = { InPort: port, UDPPort: port, IncomingConnections: FIREWALL_UPNP };
      const settings = Object.entries(numbers).map(([name, value]) => `<${name} type="int">${value}</${name}>`);
      const who = `<Nick type="string">lab</Nick><CID type="string">${'A'.repeat(39)}</CID>`;
      writeFileSync(
        join(home, 'DCPlusPlus.xml'),
        `<?xml version="1.0" encoding="utf-8" standalone="yes"?><DCPlusPlus><Settings>${who}${settings.join('')}</Settings></DCPlusPlus>\n`,
      );
    },
    command: (_port, home) => ['eiskaltdcpp-daemon', '-c', home, '-l', home, '-v'],
  },
];

export class SmallClient {
  name;
  #what;
  #port;
  #process;

  constructor(what, port) {
    this.name = what.name;
    this.#what = what;
    this.#port = port;
  }

  async start(network, host) {
    const word = this.name.split(/\W/)[0].toLowerCase();
    const home = join(network.folder, `${network.set}-${host}-${word}`);
    mkdirSync(home, { recursive: true });
    this.#what.prepare?.(this.#port, home);
    const [program, ...args] = this.#what.command(this.#port, home);
    this.startedAt = performance.now();
    this.#process = network.namespaces.start(host, `${host}-${word}`, program, args, { env: { HOME: home } });
  }

  async stop() {
    for (let tries = 0; this.#what.endsByItself && this.#process.isRunning && tries < 150; tries += 1)
      await new Promise((done) => setTimeout(done, 100));
    return this.#process.stop();
  }
}
