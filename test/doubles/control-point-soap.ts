// SOAP as a control point writes it, with this client's habits, and reads it, as strictly as the strictest of them.

import { childNamed, childText, escapeXml, parseXml } from '../../src/base/xml.ts';
import type { Arguments, SoapHabits } from './clients/client-profile.ts';
import type { HttpGot } from './control-point-http.ts';

export interface SoapAsk {
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
  /** The type that must come back. */
  readonly serviceType: string;
}

export type SoapAnswer =
  | { readonly kind: 'success'; readonly out: ReadonlyMap<string, string> }
  | { readonly kind: 'fault'; readonly code: number; readonly text: string }
  | { readonly kind: 'broken'; readonly why: string };

const LIMITS = { characters: 1_000_000, tags: 10_000 };
const CONTROL = 'urn:schemas-upnp-org:control-1-0';

export function soapAsk(
  type: string,
  action: string,
  given: Arguments,
  habits: SoapHabits,
  userAgent?: string,
): SoapAsk {
  const serviceType = habits.serviceType ?? type;
  const quotes = habits.quotes ?? '"';
  const prefix = habits.prefix ?? 'u';
  const inner = given.map(([name, value]) => `<${name}>${escapeXml(value)}</${name}>`).join('');
  return {
    serviceType,
    headers: [
      ...(userAgent === undefined ? [] : [['User-Agent', userAgent] as const]),
      ['Content-Type', habits.contentType ?? 'text/xml; charset="utf-8"'],
      [habits.field ?? 'SOAPAction', `${quotes}${serviceType}#${action}${quotes}`],
      ['Connection', 'close'],
    ],
    body:
      '<?xml version="1.0"?>\r\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
      's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>' +
      `<${prefix}:${action} xmlns:${prefix}="${serviceType}">${inner}</${prefix}:${action}></s:Body></s:Envelope>\r\n`,
  };
}

export function queryAsk(variable: string): SoapAsk {
  return soapAsk(CONTROL, 'QueryStateVariable', [['u:varName', variable]], {});
}

export function readSoapAnswer(got: HttpGot, action: string, serviceType: string): SoapAnswer {
  const broken = (why: string): SoapAnswer => ({ kind: 'broken', why: `${why} (HTTP ${got.status})` });
  // libtorrent and @achingbrain look at the type before the text.
  if (!/xml/i.test(got.headers['content-type'] ?? '')) return broken('the answer is not marked as XML');
  const parsed = parseXml(got.body, LIMITS);
  if (!parsed.ok) return broken(`the answer is ${parsed.error}`);
  const body = childNamed(parsed.value, 'Body');
  const fault = body && childNamed(body, 'Fault');
  if (fault !== undefined) {
    const detail = childNamed(fault, 'detail');
    const error = detail && childNamed(detail, 'UPnPError');
    if (error === undefined || got.status !== 500) return broken('a fault without UPnPError or without status 500');
    return {
      kind: 'fault',
      code: Number(childText(error, 'errorCode')),
      text: childText(error, 'errorDescription') ?? '',
    };
  }
  const response = body && childNamed(body, `${action}Response`);
  if (response === undefined) return broken(`no ${action}Response`);
  if (response.namespace !== serviceType) return broken(`the answer names ${response.namespace}, not ${serviceType}`);
  if (got.status !== 200) return broken('a response without status 200');
  return { kind: 'success', out: new Map(response.children.map((child) => [child.name, child.text])) };
}
