// Reads an action request (UDA 1.1 §3.2.1, UDA 1.0 §3.2.2 for M-POST): which action, of which service type, with which
// arguments. Two levels: what is no SOAP at all, and a call. Whether the action exists is not decided here.

import type { HttpRequest } from '../../base/http.ts';
import { ok, type Result, refused } from '../../base/result.ts';
import { childNamed, parseXml, type XmlElement } from '../../base/xml.ts';

/** The type under which state variables are asked for one by one (UDA 1.0 §3.3). */
export const CONTROL_NAMESPACE = 'urn:schemas-upnp-org:control-1-0';

export interface SoapCall {
  readonly action: string;
  /** As the control point wrote it: to be matched, never to be trusted. "" when it wrote none. */
  readonly serviceType: string;
  readonly arguments: readonly GivenArgument[];
}

export interface GivenArgument {
  readonly name: string;
  readonly value: string;
}

/** Whatever URL it comes to. */
export const isControlRequest = ({ method, headers }: HttpRequest): boolean =>
  (method === 'POST' || method === 'M-POST') && readSoapAction(headers) !== undefined;

/** For the log. */
export type NotSoap = string;

// Real requests have 0.5 to 2 thousand characters and under 50 tags; the listener cuts off bodies before that.
const LIMITS = { characters: 16_384, tags: 256 };

export function readSoapRequest(request: HttpRequest): Result<SoapCall, NotSoap> {
  const parsed = parseXml(withEscapedAmpersands(request.body), LIMITS);
  if (!parsed.ok) return refused(parsed.error);
  const envelope = parsed.value;
  const body = envelope.name === 'Envelope' ? childNamed(envelope, 'Body') : undefined;
  if (body === undefined) return refused('no SOAP envelope with a body');

  const header = readSoapAction(request.headers);
  const element = body.children[0];
  if (element === undefined) {
    // Nothing to answer with but the header: enough for an action without arguments.
    return header === undefined ? refused('names no action') : ok({ ...header, arguments: [] });
  }
  return ok({
    action: actionName(header, element),
    // eMule names another service than the one it posts to: the header's word is what it expects back.
    serviceType: header?.serviceType || element.namespace,
    arguments: element.children.map((child) => ({ name: child.name, value: child.text })),
  });
}

/** miniupnpc, and with it many games, writes "Tom & Jerry" into a description as it is. Inside CDATA that is right. */
function withEscapedAmpersands(body: string): string {
  return body.includes('<![CDATA[') ? body : body.replace(/&(?![#\w]+;)/g, '&amp;');
}

/** UDA 1.1 §3.2.1: both name the same action. Where they do not, neither can be believed; "" is no action of anybody. */
function actionName(header: SoapAction | undefined, element: XmlElement): string {
  return header === undefined || header.action === element.name ? element.name : '';
}

interface SoapAction {
  readonly serviceType: string;
  readonly action: string;
}

/** `"type#action"` in double quotes, single quotes or none; with M-POST the field's name begins with two digits. */
function readSoapAction(headers: HttpRequest['headers']): SoapAction | undefined {
  const value = headers['soapaction'] ?? mandatoryField(headers);
  if (value === undefined) return undefined;
  const text = value.trim().replace(/^["']|["']$/g, '');
  const hash = text.lastIndexOf('#');
  const action = text.slice(hash + 1).trim();
  if (action === '') return undefined;
  return { serviceType: hash < 0 ? '' : text.slice(0, hash), action };
}

function mandatoryField(headers: HttpRequest['headers']): string | undefined {
  const name = Object.keys(headers).find((key) => /^\d\d-soapaction$/.test(key));
  return name === undefined ? undefined : headers[name];
}
