// Which of the three GENA requests an HTTP request is, or with which status it is turned away (UDA 1.1 §4.1.2–§4.1.4).

import type { HttpRequest } from '../../base/http.ts';

export type SubscribeRequest =
  | { readonly kind: 'subscribe'; readonly callback: string; readonly timeout: string | undefined }
  | { readonly kind: 'renew'; readonly sid: string; readonly timeout: string | undefined }
  | { readonly kind: 'unsubscribe'; readonly sid: string }
  | { readonly kind: 'refused'; readonly status: 400 | 405 | 412; readonly why: string };

export function readSubscribeRequest(request: HttpRequest): SubscribeRequest {
  const { sid, nt, callback, timeout } = request.headers;
  if (request.method !== 'SUBSCRIBE' && request.method !== 'UNSUBSCRIBE') return refused(405, 'not a GENA method');
  if (sid !== undefined) {
    // UDA 1.1 §4.1.4: a SID beside CALLBACK or NT is neither a renewal nor a new subscription.
    if (nt !== undefined || callback !== undefined) return refused(400, 'SID together with NT or CALLBACK');
    return request.method === 'SUBSCRIBE'
      ? { kind: 'renew', sid: sid.trim(), timeout }
      : { kind: 'unsubscribe', sid: sid.trim() };
  }
  if (request.method === 'UNSUBSCRIBE') return refused(412, 'no SID');
  if (nt?.trim().toLowerCase() !== 'upnp:event') return refused(412, 'NT is not upnp:event');
  if (callback === undefined) return refused(412, 'no CALLBACK');
  return { kind: 'subscribe', callback, timeout };
}

const refused = (status: 400 | 405 | 412, why: string): SubscribeRequest => ({ kind: 'refused', status, why });
