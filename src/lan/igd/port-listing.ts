// The XML inside NewPortListing (WANIPConnection:2 §2.5.21): its children have names of their own, NewDescription and
// NewLeaseTime, unlike the arguments of every other action.

import { escapeXml } from '../../base/xml.ts';
import type { ListedMapping } from '../../interworking/gateway.ts';

const NAMESPACE = 'urn:schemas-upnp-org:gw:WANIPConnection';
const HEAD =
  `<p:PortMappingList xmlns:p="${NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ` +
  `xsi:schemaLocation="${NAMESPACE} http://www.upnp.org/schemas/gw/WANIPConnection-v2.xsd">`;

export function portListing(mappings: readonly ListedMapping[]): string {
  return `${HEAD}${mappings.map(entry).join('')}</p:PortMappingList>`;
}

function entry(mapping: ListedMapping): string {
  return [
    '<p:PortMappingEntry>',
    element('NewRemoteHost', mapping.remoteHost),
    element('NewExternalPort', String(mapping.externalPort)),
    element('NewProtocol', mapping.protocol),
    element('NewInternalPort', String(mapping.internalPort)),
    element('NewInternalClient', mapping.internalClient.text),
    element('NewEnabled', mapping.isEnabled ? '1' : '0'),
    element('NewDescription', mapping.description),
    element('NewLeaseTime', String(mapping.leaseSeconds)),
    '</p:PortMappingEntry>',
  ].join('');
}

const element = (name: string, text: string): string => `<p:${name}>${escapeXml(text)}</p:${name}>`;
