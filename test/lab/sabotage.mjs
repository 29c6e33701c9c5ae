// Proof that the lab can fail: our DNAT rules removed by hand, or an nft that says yes and does nothing.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export function sabotageDnat({ network, isNatted }) {
  if (!isNatted) return;
  network.namespaces.run('cpe', 'nft', 'flush', 'chain', 'inet', 'igd2pcp', 'arrivals');
}

/** An `nft` in front of the real one: swallows every element but the throw-away one, and reports success. */
export function lyingNft(folder) {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  const program = join(bin, 'nft');
  const script = `#!/bin/sh
[ "$1" = -j ] && exec /usr/sbin/nft "$@"
sed -uE 's/(add|delete) element inet igd2pcp [^p][^;]*(; |$)//g' | /usr/sbin/nft "$@"
`;
  writeFileSync(program, script);
  chmodSync(program, 0o755);
  return { PATH: `${bin}:${process.env.PATH}` };
}
