// Writes what comes back to a control point: the response of an action, the value of a state variable, or a fault
// (UDA 1.1 §3.2.1–§3.2.2, UDA 1.0 §3.3.2). Names come from descriptions, values are escaped: always well-formed.

import { cdataXml, escapeXml } from '../../base/xml.ts';
import type { ActionDescription } from '../description/service-description.ts';
import { UPNP_ERRORS, type UpnpErrorCode } from '../upnp-error.ts';
import { CONTROL_NAMESPACE } from './soap-request.ts';

/** XML inside XML is given as CDATA: miniupnpc does not undo escapes in a port listing. */
export type OutValue = string | number | boolean | { readonly cdata: string };
export type OutArguments = Readonly<Record<string, OutValue>>;

const HEAD =
  '<?xml version="1.0"?>\r\n' +
  '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
  's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>';
const TAIL = '</s:Body></s:Envelope>\r\n';

/** `serviceType` must be one of ours. Throws when the values are not exactly what the description promises. */
export function renderResponse(action: ActionDescription, serviceType: string, values: OutArguments): string {
  const name = `u:${action.name}Response`;
  let body = '';
  for (const argument of action.outArguments) {
    const value = values[argument.name];
    if (value === undefined) throw new Error(`${action.name} was answered without ${argument.name}`);
    body += `<${argument.name}>${renderValue(value)}</${argument.name}>`;
  }
  const surplus = Object.keys(values).length - action.outArguments.length;
  if (surplus > 0) throw new Error(`${action.name} was answered with ${surplus} values too many`);
  return `${HEAD}<${name} xmlns:u="${escapeXml(serviceType)}">${body}</${name}>${TAIL}`;
}

/** UDA 1.0 §3.3.2. */
export function renderVariable(value: string): string {
  const name = 'u:QueryStateVariableResponse';
  return `${HEAD}<${name} xmlns:u="${CONTROL_NAMESPACE}"><return>${escapeXml(value)}</return></${name}>${TAIL}`;
}

export function renderFault(code: UpnpErrorCode): string {
  return (
    `${HEAD}<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>` +
    `<UPnPError xmlns="${CONTROL_NAMESPACE}"><errorCode>${code}</errorCode>` +
    `<errorDescription>${escapeXml(UPNP_ERRORS[code])}</errorDescription></UPnPError></detail></s:Fault>${TAIL}`
  );
}

function renderValue(value: OutValue): string {
  if (typeof value === 'string') return escapeXml(value);
  if (typeof value === 'object') return cdataXml(value.cdata);
  // UDA 1.1 §2.5: booleans are sent as 0 and 1.
  return String(Number(value));
}
