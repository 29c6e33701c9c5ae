// The commands of the README's "Behind a carrier NAT in five minutes": the plays run what the text says, and nothing else.

import { readFileSync } from 'node:fs';

const README = new URL('../../README.md', import.meta.url);
const HEADING = '## Behind a carrier NAT in five minutes';

/** The firewall that a Debian router has before us. */
export const DEBIAN_FIREWALL = `
table inet filter {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname "br-lan" oifname "wan" accept
  }
}
`;

/** The blocks of the section by the second word of their fence: ```sh debian. */
export function commandsOfTheReadme() {
  const [, section] = readFileSync(README, 'utf8').split(HEADING);
  if (section === undefined) throw new Error(`the README has no "${HEADING}"`);
  const ours = section.split('\n## ')[0];
  return Object.fromEntries(
    [...ours.matchAll(/```sh (\S+)\n([\s\S]*?)```/g)].map(([, where, block]) => [where, block]),
  );
}
