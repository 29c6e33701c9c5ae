// One NOTIFY as it is written (UDA 1.1 §4.3.2).

import type { Endpoint } from '../../base/ip-address.ts';
import { endpointText } from '../../base/ip-address.ts';
import { escapeXml } from '../../base/xml.ts';
import { XML_CONTENT_TYPE } from '../upnp-headers.ts';

export function eventHeaders(endpoint: Endpoint, sid: string, key: number): Readonly<Record<string, string>> {
  return {
    HOST: endpointText(endpoint),
    'CONTENT-TYPE': XML_CONTENT_TYPE,
    NT: 'upnp:event',
    NTS: 'upnp:propchange',
    SID: sid,
    SEQ: String(key),
    CONNECTION: 'close',
  };
}

/** One property element per variable: some subscribers read only the first child of each. */
export function eventBody(variables: ReadonlyMap<string, string>): string {
  const properties = [...variables].map(
    ([name, value]) => `<e:property><${name}>${escapeXml(value)}</${name}></e:property>`,
  );
  return `<?xml version="1.0"?>\n<e:propertyset xmlns:e="urn:schemas-upnp-org:event-1-0">${properties.join('')}</e:propertyset>\n`;
}
