import { seconds } from '../../../src/base/time.ts';
import { AZUREUS } from './azureus.ts';
import type { CallStep, ClientProfile } from './client-profile.ts';
import { add, getExternalAddress, getLinkProperties, getStatus, SUCCESS } from './usual-calls.ts';

/** Protocol before port: not the order of the description. */
const remove = (protocol: string): CallStep => ({
  kind: 'call',
  action: 'DeletePortMapping',
  arguments: [
    ['NewRemoteHost', ''],
    ['NewProtocol', protocol],
    ['NewExternalPort', '{external}'],
  ],
  needs: SUCCESS,
});

export const BIGLYBT: ClientProfile = {
  ...AZUREUS,
  key: 'biglybt',
  title: 'BiglyBT',
  source: 'reads every SCPD, lists up to 512 entries, deletes with its own argument order',
  userAgent: 'BiglyBT/3.6.0.0',
  patience: seconds(30),
  steps: [
    { kind: 'fetch-scpd', which: 'all' },
    getLinkProperties,
    { kind: 'list-entries', endsWith: [713, 714, 402], atMost: 512 },
    add('TCP', 'BiglyBT UPnP {external} TCP', '0'),
    remove('TCP'),
    add('TCP', 'BiglyBT UPnP {external} TCP', '0'),
    getStatus,
    getExternalAddress,
    remove('TCP'),
  ],
};
