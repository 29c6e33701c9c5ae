// Debian's qbittorrent-nox, seeding one file: libtorrent maps its port by itself.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { handshakeHex, isHandshake, isUtpState, makeTorrent, utpSynHex } from './bittorrent.mjs';

export class Qbittorrent {
  name = 'qBittorrent';
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
    const home = join(network.folder, `${network.set}-${host}-qbittorrent`);
    const config = join(home, 'qBittorrent', 'config');
    mkdirSync(config, { recursive: true });
    this.#torrent = makeTorrent(home, 'seed-of-qbittorrent');
    writeFileSync(
      join(config, 'qBittorrent.conf'),
      [
        '[LegalNotice]',
        'Accepted=true',
        '[BitTorrent]',
        `Session\\Port=${this.port}`,
        `Session\\DefaultSavePath=${home}`,
        'Session\\DHTEnabled=true',
        'Session\\LSDEnabled=false',
        'Session\\QueueingSystemEnabled=false',
        '[Network]',
        'PortForwardingEnabled=true',
        '[Preferences]',
        'WebUI\\Enabled=true',
        'WebUI\\Address=127.0.0.1',
        'WebUI\\UseUPnP=false',
        '',
      ].join('\n'),
    );
    const args = [
      `--profile=${home}`,
      '--webui-port=8081',
      `--save-path=${home}`,
      '--skip-dialog=true',
      this.#torrent.torrentFile,
    ];
    this.#process = network.namespaces.start(host, `${host}-qbittorrent`, 'qbittorrent-nox', args, {
      env: { HOME: home },
    });
  }

  probe(protocol) {
    return protocol === 'TCP'
      ? { hex: handshakeHex(this.#torrent.infoHash), isAnswer: isHandshake }
      : { hex: utpSynHex(), isAnswer: isUtpState };
  }

  stop() {
    return this.#process.stop();
  }
}
