// What the services of one device share: the gateway they speak for, and which version of the device they belong to.

import type { Asker, Gateway } from '../../interworking/gateway.ts';
import type { ArgumentRefusals } from '../../upnp/control/argument-check.ts';
import type { Caller } from '../../upnp/control/controlled-service.ts';
import type { NameLookups } from './name-lookups.ts';
import type { WanLink } from './wan-link.ts';

export type IgdVersion = 1 | 2;

export interface IgdContext {
  readonly igd: IgdVersion;
  readonly gateway: Gateway;
  readonly link: WanLink;
  readonly names: NameLookups;
  readonly refusals: ArgumentRefusals;
  readonly connection: ConnectionPlace;
}

/** Where the device's WANIPConnection is: Layer3Forwarding:1 names it. */
export interface ConnectionPlace {
  /** Of the WANConnectionDevice, "uuid:" included. */
  readonly udn: string;
  /** "WANConnectionDevice:1". */
  readonly device: string;
  readonly serviceId: string;
}

/** Nobody can prove over plain HTTP to be the operator. */
export const askerOf = ({ address, userAgent, hungUp }: Caller, igd: IgdVersion): Asker => ({
  address,
  via: `IGD:${igd}`,
  name: userAgent,
  hungUp,
});
