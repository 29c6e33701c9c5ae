// The small page at "/" of the LAN listener (UDA 1.1 §2: presentation): is all well, under which address does the world
// see us, and what has the asker's own machine opened. Nobody sees what another host has open.

import type { RandomSource } from '../base/host.ts';
import type { HttpRequest, HttpResponse } from '../base/http.ts';
import { durationInWords } from '../base/time.ts';
import { countText, healthOf } from './health.ts';
import { type Html, html, page, pageHeaders } from './html.ts';
import type { MappingView } from './mapping-view.ts';
import type { Snapshot } from './operator-source.ts';
import { PAGE_STYLE } from './page-style.ts';

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

export function presentationPage(snapshot: Snapshot, asker: string, friendlyName: string, nonce: string): string {
  const health = healthOf(forOneHost(snapshot, asker));
  const own = snapshot.mappings.filter((view) => view.internalClient === asker);
  const body = html`<header class="top"><h1>${friendlyName}</h1></header>
<main>
<div class="health ${health.level}" role="status">${health.sentence}</div>
<dl class="facts"><div><dt>External address</dt><dd>${snapshot.externalAddress ?? 'not known yet'}</dd></div><div><dt>Your address</dt><dd>${asker}</dd></div><div><dt>Open for you</dt><dd>${countText(own.length, 'port')}</dd></div></dl>
<h2>Your open ports</h2>
${own.length === 0 ? html`<p>No program on this machine has opened a port.</p>` : list(own)}
</main>`;
  return page({ title: friendlyName, nonce, style: PAGE_STYLE, script: undefined }, body);
}

/** The health sentence counts ports: it must not tell how many others have. */
const forOneHost = (snapshot: Snapshot, asker: string): Snapshot => ({
  ...snapshot,
  mappings: snapshot.mappings.filter((view) => view.internalClient === asker),
});

const list = (
  views: readonly MappingView[],
): Html => html`<table><thead><tr><th>Port</th><th>To your port</th><th>For</th><th>Lease left</th></tr></thead>
<tbody>${views.map(
  (view) =>
    html`<tr><td data-label="Port"><b class="first">${view.protocol} ${view.externalPort}</b></td><td data-label="To your port"><span class="first">${view.internalPort}</span></td><td data-label="For"><span class="first">${view.description}</span></td><td data-label="Lease left"><span class="first">${view.leaseLeft === undefined ? 'endless' : durationInWords(view.leaseLeft)}</span></td></tr>`,
)}</tbody></table>`;
