// The devices behind a control endpoint, with a fake gateway beneath and no network above: what a control point says
// goes in as an HTTP request value, what it would hear comes out taken apart.

import type { LinkState } from '../../src/base/host.ts';
import type { HttpRequest, HttpResponse } from '../../src/base/http.ts';
import { type Endpoint, IpAddress } from '../../src/base/ip-address.ts';
import { instant, wallTime } from '../../src/base/time.ts';
import { childNamed, childText, escapeXml, parseXml, type XmlElement } from '../../src/base/xml.ts';
import { createIgdDevices, type IgdDevices, type IgdDevicesOptions } from '../../src/lan/igd/igd-devices.ts';
import { ControlEndpoint, type ControlEvent } from '../../src/upnp/control/control-endpoint.ts';
import { descriptorTexts } from './descriptor-texts.ts';
import { FakeGateway } from './fake-gateway.ts';

export const SERVER = 'Linux/6.1 UPnP/1.1 igd2pcp/0.1.0';
export const NOW = wallTime(Date.UTC(2026, 10, 20, 10, 30, 0));
export const GATEWAY: Endpoint = { address: IpAddress.of('192.168.1.1'), port: 5000 };
export const LAN_HOST = IpAddress.of('192.168.1.77');

const UUIDS: IgdDevicesOptions['uuids'] = {
  igd1: {
    root: '11111111-0000-4000-8000-000000000001',
    wan: '11111111-0000-4000-8000-000000000002',
    connection: '11111111-0000-4000-8000-00000000000A',
  },
  igd2: {
    root: '22222222-0000-4000-8000-000000000001',
    wan: '22222222-0000-4000-8000-000000000002',
    connection: '22222222-0000-4000-8000-000000000003',
  },
};

export interface Heard {
  readonly status: number;
  /** Of the fault; undefined when there was none. */
  readonly code: number | undefined;
  readonly out: Readonly<Record<string, string>>;
  /** Names of the out-arguments in the order they came. */
  readonly order: readonly string[];
  /** Of the response element. */
  readonly namespace: string;
  readonly response: HttpResponse;
}

export class IgdUnderTest {
  readonly gateway = new FakeGateway();
  readonly events: ControlEvent[] = [];
  readonly devices: IgdDevices;
  readonly endpoint: ControlEndpoint;
  link: LinkState | undefined = {
    isUp: true,
    bitsPerSecond: 1_000_000_000,
    bytesSent: 1000n,
    bytesReceived: 2n ** 32n + 5n,
    packetsSent: 10n,
    packetsReceived: 20n,
  };
  names = new Map<string, readonly string[]>();

  constructor(options: Partial<IgdDevicesOptions> = {}) {
    this.devices = createIgdDevices({
      serve: 'auto',
      descriptors: descriptorTexts(),
      uuids: UUIDS,
      friendlyName: 'Home router',
      version: '0.1.0',
      gateway: this.gateway,
      linkState: async () => this.link,
      resolve: async (name) => (this.names.get(name) ?? []).map((text) => IpAddress.of(text)),
      ...options,
    });
    this.endpoint = new ControlEndpoint({
      server: SERVER,
      knownServiceTypes: this.devices.serviceTypes,
      clock: () => instant(0),
      observe: (event) => this.events.push(event),
    });
  }

  /** "igd1/WANIPConnection", an action, its arguments in the order written. */
  async call(
    place: string,
    action: string,
    given: Readonly<Record<string, string>> = {},
    more: Partial<HttpRequest> = {},
  ): Promise<Heard> {
    const path = `/control/${place}`;
    const service = this.devices.controlled.get(path);
    if (service === undefined) throw new Error(`no service at ${path}`);
    const body = soapBody(service.serviceType, action, given);
    const headers = { soapaction: `"${service.serviceType}#${action}"` };
    return this.post(path, { body, headers, ...more });
  }

  async post(path: string, more: Partial<HttpRequest>): Promise<Heard> {
    const service = this.devices.controlled.get(path);
    if (service === undefined) throw new Error(`no service at ${path}`);
    return heard(await this.endpoint.handle(httpRequest({ method: 'POST', path, ...more }), service, NOW));
  }
}

export function soapBody(serviceType: string, action: string, given: Readonly<Record<string, string>>): string {
  const inner = Object.entries(given).map(([name, value]) => `<${name}>${escapeXml(value)}</${name}>`);
  return envelope(`<u:${action} xmlns:u="${serviceType}">${inner.join('')}</u:${action}>`);
}

export const envelope = (inner: string): string =>
  `<?xml version="1.0"?>\r\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ` +
  `s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>${inner}</s:Body></s:Envelope>`;

export function httpRequest(more: Partial<HttpRequest> = {}): HttpRequest {
  return {
    method: 'GET',
    path: '/',
    query: '',
    headers: {},
    body: '',
    bodyTooLong: false,
    httpVersion: '1.1',
    peer: { address: LAN_HOST, port: 51_000 },
    local: GATEWAY,
    hungUp: new AbortController().signal,
    ...more,
  };
}

/** Whatever comes back must be XML when it has a body. */
function heard(response: HttpResponse): Heard {
  const nothing = { code: undefined, out: {}, order: [], namespace: '' };
  if (response.body === undefined) return { status: response.status, ...nothing, response };
  const parsed = parseXml(response.body, { characters: 1_000_000, tags: 100_000 });
  if (!parsed.ok) throw new Error(`the answer is no XML: ${parsed.error}`);
  const body = childNamed(parsed.value, 'Body');
  const element = body?.children[0];
  if (element === undefined) throw new Error('the answer has no SOAP body');
  return {
    status: response.status,
    code: faultCode(element),
    out: Object.fromEntries(element.children.map((child) => [child.name, child.text])),
    order: element.children.map((child) => child.name),
    namespace: element.namespace,
    response,
  };
}

function faultCode(element: XmlElement): number | undefined {
  const detail = childNamed(element, 'detail');
  const error = detail === undefined ? undefined : childNamed(detail, 'UPnPError');
  return error === undefined ? undefined : Number(childText(error, 'errorCode'));
}
