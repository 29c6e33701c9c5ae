// The presentation page of the LAN listener as an HTTP answer (UDA 1.1 §5).

import type { RandomSource } from '../base/host.ts';
import type { HttpRequest, HttpResponse } from '../base/http.ts';
import { pageHeaders } from '../operator/html.ts';
import type { Snapshot } from '../operator/operator-source.ts';
import { presentationPage } from '../operator/presentation-page.ts';

export function presentationAnswer(
  request: HttpRequest,
  snapshot: Snapshot,
  friendlyName: string,
  random: RandomSource,
): HttpResponse {
  if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405, headers: { allow: 'GET, HEAD' } };
  const nonce = Array.from(random.bytes(16), (byte) => byte.toString(16).padStart(2, '0')).join('');
  const body = presentationPage(snapshot, request.peer.address.text, friendlyName, nonce);
  return { status: 200, headers: pageHeaders(nonce), body };
}
