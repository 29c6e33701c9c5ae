// Debian's amuled: maps its ports by itself through libupnp. A stranger greets it in eD2k (TCP) and pings it in Kad (UDP).

import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const EDONKEY = 0xe3;
const HELLO = 0x01;
const HELLO_ANSWER = 0x4c;
const KAD = 0xe4;
const KAD2_PING = 0x60;
const KAD2_PONG = 0x61;

export class Amule {
  name = 'aMule';
  ports;
  #process;

  constructor(tcpPort, udpPort) {
    this.ports = [
      { protocol: 'TCP', port: tcpPort },
      { protocol: 'UDP', port: udpPort },
    ];
  }

  async start(network, host) {
    const home = join(network.folder, `${network.set}-${host}-amule`);
    mkdirSync(home, { recursive: true });
    const [tcp, udp] = this.ports;
    writeFileSync(
      join(home, 'amule.conf'),
      [
        '[eMule]',
        `Port=${tcp.port}`,
        `UDPPort=${udp.port}`,
        'UDPEnable=1',
        'UPnPEnabled=1',
        'UPnPECEnabled=0',
        'ConnectToKad=1',
        'ConnectToED2K=0',
        'Autoconnect=1',
        'Reconnect=1',
        '[ExternalConnect]',
        'AcceptExternalConnections=1',
        'ECAddress=127.0.0.1',
        'ECPort=4712',
        `ECPassword=${createHash('md5').update('lab').digest('hex')}`,
        '',
      ].join('\n'),
    );
    // Kad starts with a list of contacts only; this one leads to nobody.
    writeFileSync(join(home, 'nodes.dat'), nodesFile());
    this.#process = network.namespaces.start(host, `${host}-amule`, 'amuled', ['-c', home, '-o'], {
      env: { HOME: home },
    });
  }

  probe(protocol) {
    return protocol === 'TCP'
      ? { hex: helloHex(), isAnswer: (hex) => Buffer.from(hex, 'hex')[5] === HELLO_ANSWER }
      : {
          hex: Buffer.from([KAD, KAD2_PING]).toString('hex'),
          isAnswer: (hex) => hex.startsWith(Buffer.from([KAD, KAD2_PONG]).toString('hex')),
        };
  }

  stop() {
    return this.#process.stop();
  }
}

/** eD2k's greeting: user hash, client id, port, no tags, no server. */
function helloHex() {
  const body = Buffer.concat([
    Buffer.from([HELLO, 16]),
    randomBytes(16),
    Buffer.alloc(4),
    Buffer.from([0x36, 0x12]),
    Buffer.alloc(4),
    Buffer.alloc(6),
  ]);
  const head = Buffer.alloc(5);
  head[0] = EDONKEY;
  head.writeUInt32LE(body.length, 1);
  return Buffer.concat([head, body]).toString('hex');
}

/** nodes.dat, version 2: one contact. */
function nodesFile() {
  const file = Buffer.alloc(12 + 34);
  file.writeUInt32LE(0, 0);
  file.writeUInt32LE(2, 4);
  file.writeUInt32LE(1, 8);
  randomBytes(16).copy(file, 12);
  // Address as a little-endian number, UDP port, TCP port, Kad version, key, verified.
  file.writeUInt32LE(0x0b4d0009, 28);
  file.writeUInt16LE(4672, 32);
  file.writeUInt16LE(4662, 34);
  file.writeUInt8(8, 36);
  file.writeUInt8(1, 45);
  return file;
}
