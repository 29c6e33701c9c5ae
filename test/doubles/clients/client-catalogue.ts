// Every client the harness can play.

import { AMULE } from './amule.ts';
import { AZUREUS } from './azureus.ts';
import { BIGLYBT } from './biglybt.ts';
import type { ClientProfile } from './client-profile.ts';
import { PLAYSTATION, WINDOWS_XP, XBOX } from './consoles.ts';
import { EMULE } from './emule.ts';
import { GUPNP_IGD } from './gupnp-igd.ts';
import { HOME_ASSISTANT } from './home-assistant.ts';
import { IGD_NEXT, NAT_PORT_MAPPER } from './igd-next.ts';
import { LIBTORRENT } from './libtorrent.ts';
import { MINIUPNPC } from './miniupnpc.ts';
import { NAT_API, NAT_UPNP } from './nat-api.ts';
import { SHAREAZA } from './shareaza.ts';
import { SYNCTHING } from './syncthing.ts';
import { TAILSCALE } from './tailscale.ts';
import { TRANSMISSION } from './transmission.ts';
import { UTORRENT } from './utorrent.ts';

export const CLIENTS: readonly ClientProfile[] = [
  UTORRENT,
  AZUREUS,
  BIGLYBT,
  SHAREAZA,
  EMULE,
  AMULE,
  TRANSMISSION,
  LIBTORRENT,
  MINIUPNPC,
  NAT_API,
  NAT_UPNP,
  NAT_PORT_MAPPER,
  TAILSCALE,
  SYNCTHING,
  PLAYSTATION,
  XBOX,
  WINDOWS_XP,
  GUPNP_IGD,
  IGD_NEXT,
  HOME_ASSISTANT,
];

export const clientNamed = (key: string): ClientProfile | undefined => CLIENTS.find((client) => client.key === key);
