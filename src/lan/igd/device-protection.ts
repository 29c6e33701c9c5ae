// DeviceProtection:1 as far as IGD:2 needs it without TLS: everybody is "Public" and nobody can become more.
// What Public may do is decided in interworking.

import { ok, refused } from '../../base/result.ts';
import type { ActionTable } from '../../upnp/control/controlled-service.ts';
import type { IgdContext } from './igd-context.ts';

const NO_PROTOCOLS =
  '<?xml version="1.0"?><SupportedProtocols xmlns="urn:schemas-upnp-org:gw:DeviceProtection"></SupportedProtocols>';

export function deviceProtectionActions({ refusals }: IgdContext): ActionTable {
  return {
    // Whatever protocol is named, it is not among the supported ones.
    SendSetupMessage: { handle: () => refused(refusals.invalidValue) },
    GetSupportedProtocols: { handle: () => ok({ ProtocolList: NO_PROTOCOLS }) },
    GetAssignedRoles: { handle: () => ok({ RoleList: 'Public' }) },
  };
}

export function deviceProtectionVariable(_context: IgdContext, name: string): string | undefined {
  switch (name) {
    case 'SetupReady':
      return '0';
    case 'SupportedProtocols':
      return NO_PROTOCOLS;
    default:
      return undefined;
  }
}
