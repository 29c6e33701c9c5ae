// As much BitTorrent as a stranger needs to get an answer: a torrent to seed, the handshake (BEP 3) and a DHT ping (BEP 5).

import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A file of one piece in `folder`, and its torrent beside it. */
export function makeTorrent(folder, name) {
  mkdirSync(folder, { recursive: true });
  const content = Buffer.from(`This file exists to be seeded by ${name}.\n`);
  const piece = createHash('sha1').update(content).digest();
  const info = Buffer.concat([
    Buffer.from(`d6:lengthi${content.length}e4:name${name.length}:${name}12:piece lengthi16384e6:pieces20:`),
    piece,
    Buffer.from('e'),
  ]);
  const torrentFile = join(folder, `${name}.torrent`);
  writeFileSync(join(folder, name), content);
  writeFileSync(torrentFile, Buffer.concat([Buffer.from('d4:info'), info, Buffer.from('e')]));
  return { torrentFile, infoHash: createHash('sha1').update(info).digest() };
}

/** The other side answers with a handshake of its own when it has the torrent. */
export const handshakeHex = (infoHash) =>
  Buffer.concat([
    Buffer.from('\x13BitTorrent protocol'),
    Buffer.alloc(8),
    infoHash,
    Buffer.from('-LB0001-'),
    randomBytes(12),
  ]).toString('hex');
export const isHandshake = (hex) => Buffer.from(hex, 'hex').subarray(1, 20).toString() === 'BitTorrent protocol';

export const dhtPingHex = () =>
  Buffer.concat([Buffer.from('d1:ad2:id20:'), randomBytes(20), Buffer.from('e1:q4:ping1:t2:lb1:y1:qe')]).toString(
    'hex',
  );
export const isDhtAnswer = (hex) => Buffer.from(hex, 'hex').toString('latin1').includes('1:y1:r');

/** µTP (BEP 29): a SYN is answered by a STATE. libtorrent's DHT waits for its name lookups first; this does not. */
export const utpSynHex = () =>
  Buffer.concat([
    Buffer.from([0x41, 0]),
    randomBytes(2),
    Buffer.alloc(8),
    Buffer.from([0, 1, 0, 0, 0, 1, 0, 0]),
  ]).toString('hex');
export const isUtpState = (hex) => hex.startsWith('21');
