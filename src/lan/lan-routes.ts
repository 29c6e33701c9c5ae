// What each path of a LAN listener leads to. Strangers and web pages are turned away first; then descriptions, control,
// events, and the presentation page. Nothing else is there.

import type { Host } from '../base/host.ts';
import type { HttpRequest, HttpResponse } from '../base/http.ts';
import { OccasionalWarning } from '../base/occasional-warning.ts';
import type { WallTime } from '../base/time.ts';
import type { ControlEndpoint } from '../upnp/control/control-endpoint.ts';
import { isControlRequest } from '../upnp/control/soap-request.ts';
import { serveDescription } from '../upnp/description/device-description.ts';
import { foreignRequestProblem } from '../upnp/foreign-request.ts';
import { upnpHeaders } from '../upnp/upnp-headers.ts';
import type { EventingSession } from './eventing-session.ts';
import type { IgdDevices } from './igd/igd-devices.ts';
import type { LanAddress } from './lan-addresses.ts';

export interface LanRoutesOptions {
  readonly host: Host;
  readonly lan: LanAddress;
  readonly devices: IgdDevices;
  readonly control: ControlEndpoint;
  readonly eventing: EventingSession;
  /** "/": what the asking host may know (UDA 1.1 §5). */
  readonly presentation: (request: HttpRequest) => HttpResponse;
  /** "OS/version UPnP/1.1 product/version". */
  readonly server: string;
  readonly turnedAway: (why: string) => void;
}

const KNOWN_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'M-POST', 'SUBSCRIBE', 'UNSUBSCRIBE']);

export class LanRoutes {
  readonly #options: LanRoutesOptions;
  readonly #warning: OccasionalWarning;

  constructor(options: LanRoutesOptions) {
    this.#options = options;
    this.#warning = new OccasionalWarning(options.host);
  }

  async handle(request: HttpRequest): Promise<HttpResponse> {
    const now = this.#options.host.clock.wallTime();
    const problem = this.#strangerProblem(request) ?? foreignRequestProblem(request);
    if (problem !== undefined) return this.#turnAway(request, problem, now);
    const { devices, control, eventing, server } = this.#options;
    const service =
      devices.controlled.get(request.path) ??
      (isControlRequest(request) ? devices.controlledAtEventPath.get(request.path) : undefined);
    if (service !== undefined) return control.handle(request, service, now);
    if (eventing.serves(request.path)) return eventing.handle(request);
    const document = devices.document(request.path, request.headers['user-agent'] ?? '', request.local);
    if (document !== undefined) return serveDescription(request, document, server, now);
    if (request.path === '/') return this.#options.presentation(request);
    return { status: KNOWN_METHODS.has(request.method) ? 404 : 501, headers: upnpHeaders(request, server, now) };
  }

  /** WANIPConnection:2 §1.2: control is for the LAN alone, also where a packet from elsewhere can be routed to us. */
  #strangerProblem(request: HttpRequest): string | undefined {
    const { lan } = this.#options;
    return lan.prefix.contains(request.peer.address) ? undefined : `it comes from outside ${lan.prefix}`;
  }

  #turnAway(request: HttpRequest, why: string, now: WallTime): HttpResponse {
    this.#options.turnedAway(why);
    this.#warning.say(`a request on ${this.#options.lan.interfaceName} was turned away: ${why}`, {
      peer: request.peer.address.text,
    });
    return { status: 403, headers: { ...upnpHeaders(request, this.#options.server, now), CONNECTION: 'close' } };
  }
}
