// The mappings on the status page: who has which port, for how long, and a button to close it for those who may.

import { durationInWords } from '../base/time.ts';
import { type Html, html } from './html.ts';
import type { MappingView } from './mapping-view.ts';
import type { Snapshot } from './operator-source.ts';

const STATE_WORDS: Readonly<Record<MappingView['state'], readonly [string, string]>> = {
  granted: ['good', 'open'],
  restoring: ['attention', 'being restored'],
  degraded: ['attention', 'degraded'],
  waiting: ['bad', 'closed, waiting for the server'],
  deleting: ['attention', 'closing'],
};

/** `formToken`: of the operator who is signed in. */
export function mappingSection({ mappings }: Snapshot, formToken: string | undefined): Html {
  const rows =
    mappings.length === 0
      ? html`<p>No port is open.</p>`
      : html`<table><thead><tr><th>Port</th><th>Leads to</th><th>Opened by</th><th>Lease left</th><th>Lifetime left</th><th>State</th>${
          formToken === undefined ? undefined : html`<th>Close</th>`
        }</tr></thead>
<tbody>${mappings.map((view) => rowOf(view, formToken))}</tbody></table>`;
  return html`<h2 id="mappings-heading">Open ports</h2>
<div id="mappings" tabindex="-1" aria-labelledby="mappings-heading" data-live>${rows}</div>`;
}

const cell = (label: string, first: Html | string, ...more: readonly (string | undefined)[]): Html =>
  html`<td data-label="${label}"><span class="first">${first}</span>${more
    .filter((text) => text !== undefined && text !== '')
    .map((text) => html`<span class="soft">${text}</span>`)}</td>`;

function rowOf(view: MappingView, formToken: string | undefined): Html {
  const [level, words] = STATE_WORDS[view.state];
  const isIPv6 = view.internalClient.includes(':');
  const target = `${isIPv6 ? `[${view.internalClient}]` : view.internalClient}:${view.internalPort}`;
  const own = view.madeBy === view.internalClient ? undefined : `asked for by ${view.madeBy}`;
  const from = view.remoteHost === '' ? undefined : `only from ${view.remoteHost}`;
  return html`<tr>
${cell('Port', html`<b>${view.protocol} ${view.externalPort}</b>`, view.externalAddress, from)}
${cell('Leads to', view.hostName ?? target, view.hostName === undefined ? undefined : target)}
${cell('Opened by', view.description === '' ? 'no description' : view.description, view.action === 'operator' ? 'the operator' : view.userAgent, own)}
${cell('Lease left', view.leaseLeft === undefined ? 'endless' : durationInWords(view.leaseLeft))}
${cell('Lifetime left', durationInWords(view.lifetimeLeft), `renews in ${durationInWords(view.renewIn)}`)}
${cell('State', html`<span class="state ${level}">${words}</span>`, view.reason)}
${formToken === undefined ? undefined : closeCell(view, formToken)}
</tr>`;
}

function closeCell(
  { protocol, externalPort, remoteHost, hostName, internalClient }: MappingView,
  formToken: string,
): Html {
  const name = `${protocol} ${externalPort}`;
  const question = `Close ${name} of ${hostName ?? internalClient}?`;
  return html`<td data-label="Close"><form class="inline first" method="post" action="delete" data-ask="${question}">
<input type="hidden" name="form_token" value="${formToken}"><input type="hidden" name="protocol" value="${protocol}"><input type="hidden" name="external_port" value="${externalPort}"><input type="hidden" name="remote_host" value="${remoteHost}">
<button class="danger" id="close-${protocol}-${externalPort}-${remoteHost}" aria-label="Close ${name}">Close</button></form></td>`;
}
