// The way of one control request: HTTP → SOAP → action → checked arguments → handler → response or fault (UDA 1.1 §3.2).
// The control URL alone says which service is meant; the type a control point writes is echoed when it is a known one.

import type { HttpRequest, HttpResponse } from '../../base/http.ts';
import type { Endpoint } from '../../base/ip-address.ts';
import { between, type Duration, type Instant, type WallTime } from '../../base/time.ts';
import type { ActionDescription } from '../description/service-description.ts';
import type { UpnpErrorCode } from '../upnp-error.ts';
import { upnpHeaders, XML_CONTENT_TYPE } from '../upnp-headers.ts';
import { type ArgumentRefusals, checkArguments } from './argument-check.ts';
import type { ActionRow, ControlledService } from './controlled-service.ts';
import { readSoapRequest, type SoapCall } from './soap-request.ts';
import { renderFault, renderResponse, renderVariable } from './soap-response.ts';

export interface ControlEndpointOptions {
  /** "OS/version UPnP/1.1 product/version". */
  readonly server: string;
  /** Types that may be echoed. Anything else a client writes never comes back to it. */
  readonly knownServiceTypes: ReadonlySet<string>;
  /** For `took`. */
  readonly clock: () => Instant;
  /** Told after each request: for the log and the counters. */
  readonly observe: (event: ControlEvent) => void;
}

export type ControlEvent =
  | {
      readonly kind: 'answered';
      readonly serviceType: string;
      readonly action: string;
      readonly peer: Endpoint;
      readonly took: Duration;
    }
  | {
      readonly kind: 'fault';
      readonly serviceType: string;
      /** "" when the control point named none that the service has: its own word is not repeated. */
      readonly action: string;
      readonly code: UpnpErrorCode;
      readonly peer: Endpoint;
      readonly took: Duration;
    }
  | { readonly kind: 'turned away'; readonly status: number; readonly why: string; readonly peer: Endpoint };

type Outcome = { readonly body: string } | { readonly code: UpnpErrorCode };

const QUERY = 'QueryStateVariable';

export class ControlEndpoint {
  readonly #options: ControlEndpointOptions;

  constructor(options: ControlEndpointOptions) {
    this.#options = options;
  }

  async handle(request: HttpRequest, service: ControlledService, now: WallTime): Promise<HttpResponse> {
    // UDA 1.0 §3.2.1: M-POST is POST with a mandatory extension. Never 405 to POST: that would call for M-POST.
    if (request.method !== 'POST' && request.method !== 'M-POST') {
      return this.#turnAway(request, 405, `${request.method} on a control URL`, now, { ALLOW: 'POST' });
    }
    if (request.bodyTooLong) return this.#turnAway(request, 413, 'the body is too long', now);
    const read = readSoapRequest(request);
    if (!read.ok) return this.#turnAway(request, 400, `not SOAP: ${read.error}`, now);

    const startedAt = this.#options.clock();
    const call = read.value;
    const action = actionOf(call, service);
    const outcome = call.action === QUERY ? query(call, service) : await this.#invoke(call, service, request);
    const headers = { ...upnpHeaders(request, this.#options.server, now), 'CONTENT-TYPE': XML_CONTENT_TYPE, EXT: '' };
    const took = between(startedAt, this.#options.clock());
    const event = { serviceType: service.serviceType, action, peer: request.peer, took };
    if ('code' in outcome) {
      this.#options.observe({ kind: 'fault', ...event, code: outcome.code });
      return { status: 500, headers, body: renderFault(outcome.code) };
    }
    this.#options.observe({ kind: 'answered', ...event });
    return { status: 200, headers, body: outcome.body };
  }

  async #invoke(call: SoapCall, service: ControlledService, request: HttpRequest): Promise<Outcome> {
    const served = servedAction(service, call.action);
    if (served === undefined) return { code: 401 };
    const { description, row, refusals } = served;
    const checked = checkArguments(description, call.arguments, row, refusals);
    if (!checked.ok) return { code: checked.error };
    const answer = await row.handle(checked.value, {
      address: request.peer.address,
      userAgent: request.headers['user-agent'] ?? '',
      hungUp: request.hungUp,
    });
    if (!answer.ok) return { code: answer.error };
    const serviceType = this.#options.knownServiceTypes.has(call.serviceType) ? call.serviceType : service.serviceType;
    return { body: renderResponse(description, serviceType, answer.value) };
  }

  #turnAway(
    request: HttpRequest,
    status: number,
    why: string,
    now: WallTime,
    extra: Readonly<Record<string, string>> = {},
  ): HttpResponse {
    this.#options.observe({ kind: 'turned away', status, why, peer: request.peer });
    return { status, headers: { ...upnpHeaders(request, this.#options.server, now), ...extra } };
  }
}

interface ServedAction {
  readonly description: ActionDescription;
  readonly row: ActionRow;
  readonly refusals: ArgumentRefusals;
}

function servedAction(service: ControlledService, name: string): ServedAction | undefined {
  const part = Object.hasOwn(service.actions, name) ? service : service.undescribed;
  if (part === undefined || !Object.hasOwn(part.actions, name)) return undefined;
  const description = part.description.actions.get(name);
  const row = part.actions[name];
  return description === undefined || row === undefined ? undefined : { description, row, refusals: part.refusals };
}

const actionOf = (call: SoapCall, service: ControlledService): string =>
  call.action === QUERY || servedAction(service, call.action) !== undefined ? call.action : '';

/** UDA 1.0 §3.3: deprecated since 1.1, and still asked by aMule and Windows. A variable nobody has is 404. */
function query(call: SoapCall, service: ControlledService): Outcome {
  const name = call.arguments.find((argument) => argument.name === 'varName')?.value.trim();
  if (name === undefined) return { code: 402 };
  const variable = service.description.variables.get(name);
  if (variable === undefined) return { code: 404 };
  const value = service.variable(name) ?? variable.defaultValue;
  return value === undefined ? { code: 404 } : { body: renderVariable(value) };
}
