// Whether what a configuration names is there on this box: the external interface must not be served, and what is missing
// may come later, but a person who checks a file wants to hear of it.

import type { Host } from '../base/host.ts';
import type { Config } from '../config/config.ts';
import { deviceOf, lookForLans } from '../lan/lan-addresses.ts';
import { externalInterface } from './wan-side.ts';

type View = Pick<Host, 'network'>;

/** A sentence for the person who wrote the configuration; undefined: no LAN is the Internet. */
export async function objectionToLans(host: View, config: Config): Promise<string | undefined> {
  const external = await externalInterface(host, config.wan.interface);
  const { obstacles } = lookForLans(config.lan.interfaces, host.network.interfaces(), external);
  const stranger = obstacles.find(({ isExternal }) => isExternal);
  return stranger === undefined ? undefined : `lan.interfaces: "${stranger.wish}" cannot be served: ${stranger.why}`;
}

/** Sentences. The daemon starts all the same, and waits. */
export async function missingOnThisBox(host: View, config: Config): Promise<readonly string[]> {
  const interfaces = host.network.interfaces();
  const { obstacles } = lookForLans(config.lan.interfaces, interfaces, undefined);
  const lans = obstacles.map(({ wish, why }) => `lan.interfaces: "${wish}" is not there now: ${why}`);
  const external = await externalInterface(host, config.wan.interface);
  if (external === undefined) return [...lans, 'wan.interface: there is no default route now to find it by'];
  const isThere = interfaces.some((row) => deviceOf(row.name) === external);
  return isThere ? lans : [...lans, `wan.interface: "${external}" is not there now, is down, or has no address`];
}
