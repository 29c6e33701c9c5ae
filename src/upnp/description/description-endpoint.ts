// Serves a description or an SCPD (UDA 1.1 §2.1): GET and HEAD, nothing else. The text is ready before anybody asks.

import type { HttpRequest, HttpResponse } from '../../base/http.ts';
import type { WallTime } from '../../base/time.ts';
import { upnpHeaders, XML_CONTENT_TYPE } from '../upnp-headers.ts';

export function serveDescription(request: HttpRequest, text: string, server: string, now: WallTime): HttpResponse {
  const headers = upnpHeaders(request, server, now);
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { status: 405, headers: { ...headers, ALLOW: 'GET, HEAD' } };
  }
  return { status: 200, headers: { ...headers, 'CONTENT-TYPE': XML_CONTENT_TYPE }, body: text };
}
