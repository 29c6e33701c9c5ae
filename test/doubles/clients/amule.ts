import { seconds } from '../../../src/base/time.ts';
import type { ClientProfile, Step } from './client-profile.ts';
import { add, deleteMapping, getStatus, IGD_1, SUCCESS, WAN_IP_1, WAN_PPP_1 } from './usual-calls.ts';

const query = (variable: string): Step => ({ kind: 'query', variable, needs: SUCCESS });

/** Wants version 1 everywhere, and lives by events. */
export const AMULE: ClientProfile = {
  key: 'amule',
  title: 'aMule',
  source: 'IGD:1 and WANIPConnection:1 exactly, SUBSCRIBE for 1801 s, QueryStateVariable',
  userAgent: 'Linux/6.1, UPnP/1.0, Portable SDK for UPnP devices/1.14.18',
  searches: [{ target: 'upnp:rootdevice', mx: 3 }],
  accepts: { rootTypes: [IGD_1], services: [WAN_IP_1, WAN_PPP_1], chooses: 'first described' },
  patience: seconds(30),
  steps: [
    { kind: 'fetch-scpd', which: 'connection' },
    { kind: 'subscribe', timeout: 'Second-1801' },
    { kind: 'await-event', variable: 'PortMappingNumberOfEntries', within: seconds(5) },
    query('ConnectionStatus'),
    query('ExternalIPAddress'),
    query('PortMappingNumberOfEntries'),
    query('PortMappingLeaseDuration'),
    getStatus,
    add('TCP', 'aMule TCP', '0'),
    { kind: 'await-event', variable: 'PortMappingNumberOfEntries', within: seconds(5) },
    query('PortMappingNumberOfEntries'),
    deleteMapping('TCP'),
    { kind: 'unsubscribe' },
  ],
};
