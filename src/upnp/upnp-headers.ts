// The header fields every HTTP answer of a UPnP device carries (UDA 1.1 §2.1, §3.2.1, §4.1.2). Our own texts only:
// nothing a client wrote ever stands in a header of ours.

import type { HttpRequest } from '../base/http.ts';
import type { WallTime } from '../base/time.ts';
import { httpDate } from './http-date.ts';

/** Quotes included, as UDA 1.1 writes it. */
export const XML_CONTENT_TYPE = 'text/xml; charset="utf-8"';

/** `server` is "OS/version UPnP/1.1 product/version". */
export function upnpHeaders(request: HttpRequest, server: string, now: WallTime): Record<string, string> {
  const headers: Record<string, string> = { DATE: httpDate(now), SERVER: server };
  // UDA 1.1 §2.1: whoever names languages is told which one it got. Ours is always the same.
  if (request.headers['accept-language'] !== undefined) headers['CONTENT-LANGUAGE'] = 'en';
  return headers;
}
