import type { ClientProfile } from './client-profile.ts';
import { MINIUPNPC } from './miniupnpc.ts';
import { add, deleteMapping, getExternalAddress, getSpecific, getStatus, SUCCESS } from './usual-calls.ts';

export const TRANSMISSION: ClientProfile = {
  ...MINIUPNPC,
  key: 'transmission',
  title: 'Transmission',
  source: 'miniupnpc with its own order; maps only where the state is "connected" with a public address',
  steps: [
    getStatus,
    getExternalAddress,
    add('TCP', 'Transmission at {external}', '0'),
    add('UDP', 'Transmission at {external}', '0'),
    getSpecific('TCP', SUCCESS),
    getSpecific('UDP', SUCCESS),
    deleteMapping('TCP'),
    deleteMapping('UDP'),
  ],
};
