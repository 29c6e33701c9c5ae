// Debian's transmission-daemon, seeding one file: maps its port by itself through miniupnpc.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dhtPingHex, handshakeHex, isDhtAnswer, isHandshake, makeTorrent } from './bittorrent.mjs';

export class Transmission {
  name = 'Transmission';
  ports;
  #process;
  #torrent;

  constructor(port) {
    this.port = port;
    this.ports = [
      { protocol: 'TCP', port },
      { protocol: 'UDP', port },
    ];
  }

  async start(network, host) {
    const home = join(network.folder, `${network.set}-${host}-transmission`);
    this.#torrent = makeTorrent(home, 'seed-of-transmission');
    writeFileSync(
      join(home, 'settings.json'),
      JSON.stringify({
        'peer-port': this.port,
        'port-forwarding-enabled': true,
        'dht-enabled': true,
        'utp-enabled': true,
        'lpd-enabled': false,
        'download-dir': home,
        'rpc-enabled': true,
        'rpc-authentication-required': false,
        'rpc-whitelist-enabled': false,
      }),
    );
    this.#process = network.namespaces.start(host, `${host}-transmission`, 'transmission-daemon', ['-f', '-g', home], {
      env: { HOME: home, TRANSMISSION_HOME: home },
    });
    for (let tries = 0; tries < 20; tries += 1) {
      const added = await network.namespaces.attempt(
        host,
        3000,
        'transmission-remote',
        '-a',
        this.#torrent.torrentFile,
      );
      if (added.code === 0) return;
      await new Promise((done) => setTimeout(done, 250));
    }
    throw new Error('transmission-daemon did not take its torrent');
  }

  probe(protocol) {
    return protocol === 'TCP'
      ? { hex: handshakeHex(this.#torrent.infoHash), isAnswer: isHandshake }
      : { hex: dhtPingHex(), isAnswer: isDhtAnswer };
  }

  stop() {
    return this.#process.stop();
  }
}
