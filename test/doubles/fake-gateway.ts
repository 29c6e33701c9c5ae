// A gateway with a table and UPnP's own rules for it, and no PCP server behind: every request is granted as asked.
// `refuse` makes it answer one code to everything that could be refused, as the carrier or a policy would.

import { IpAddress } from '../../src/base/ip-address.ts';
import { isInPortRange, type PortNumber, portNumber } from '../../src/base/port-number.ts';
import { ok, refused } from '../../src/base/result.ts';
import { type Duration, minutes } from '../../src/base/time.ts';
import type {
  Answer,
  ConnectionStatus,
  ControlPoint,
  DeletedPortMappingName,
  Gateway,
  ListedMapping,
  PortMappingName,
  PortMappingRequest,
  PortMappingSelection,
} from '../../src/interworking/gateway.ts';
import type { UpnpErrorCode } from '../../src/upnp/upnp-error.ts';

export class FakeGateway implements Gateway {
  readonly table: ListedMapping[] = [];
  readonly askers: ControlPoint[] = [];
  readonly requests: PortMappingRequest[] = [];
  refuse: UpnpErrorCode | undefined;
  address: IpAddress | undefined = IpAddress.of('198.51.100.7');
  status: ConnectionStatus['status'] = 'Connected';
  uptime: Duration = minutes(2);
  #changes = 0;

  readonly known = {
    externalAddress: () => this.address,
    connection: (): ConnectionStatus => ({
      status: this.status,
      uptime: this.uptime,
      lastError: this.status === 'Connected' ? 'ERROR_NONE' : 'ERROR_UNKNOWN',
    }),
    numberOfEntries: () => this.table.length,
    systemUpdateId: () => this.#changes,
  };

  async connection(): Promise<ConnectionStatus> {
    return this.known.connection();
  }

  async addPortMapping(asker: ControlPoint, request: PortMappingRequest): Promise<Answer<void>> {
    this.#remember(asker, request);
    if (this.refuse !== undefined) return refused(this.refuse);
    const held = this.#find(request);
    if (held !== undefined && !held.internalClient.equals(request.internalClient)) return refused(718);
    this.#put(request, request.externalPort);
    return ok(undefined);
  }

  async addAnyPortMapping(asker: ControlPoint, request: PortMappingRequest): Promise<Answer<PortNumber>> {
    this.#remember(asker, request);
    if (this.refuse !== undefined) return refused(this.refuse);
    let port = request.externalPort === 0 ? 40_000 : request.externalPort;
    while (this.table.some((held) => held.externalPort === port && held.protocol === request.protocol)) port += 1;
    this.#put(request, portNumber(port));
    return ok(portNumber(port));
  }

  async deletePortMapping(asker: ControlPoint, { protocol, ...rest }: DeletedPortMappingName): Promise<Answer<void>> {
    this.askers.push(asker);
    if (this.refuse !== undefined) return refused(this.refuse);
    const protocols = protocol === undefined ? (['TCP', 'UDP'] as const) : [protocol];
    const [held] = protocols.flatMap((one) => this.#find({ protocol: one, ...rest }) ?? []);
    if (held === undefined) return refused(714);
    this.#remove([held]);
    return ok(undefined);
  }

  async deletePortMappingRange(asker: ControlPoint, selection: PortMappingSelection): Promise<Answer<void>> {
    this.askers.push(asker);
    if (this.refuse !== undefined) return refused(this.refuse);
    const held = this.#select(asker, selection);
    if (held.length === 0) return refused(730);
    this.#remove(held);
    return ok(undefined);
  }

  getGenericPortMappingEntry(asker: ControlPoint, index: number): Answer<ListedMapping> {
    this.askers.push(asker);
    if (this.refuse !== undefined) return refused(this.refuse);
    const held = this.table[index];
    return held === undefined ? refused(713) : ok(held);
  }

  async getSpecificPortMappingEntry(asker: ControlPoint, name: PortMappingName): Promise<Answer<ListedMapping>> {
    this.askers.push(asker);
    if (this.refuse !== undefined) return refused(this.refuse);
    const held = this.#find(name);
    return held === undefined ? refused(714) : ok(held);
  }

  getListOfPortMappings(
    asker: ControlPoint,
    selection: PortMappingSelection,
    most: number,
  ): Answer<readonly ListedMapping[]> {
    this.askers.push(asker);
    if (this.refuse !== undefined) return refused(this.refuse);
    const held = this.#select(asker, selection);
    return held.length === 0 ? refused(730) : ok(held.slice(0, most));
  }

  async externalAddress(asker: ControlPoint): Promise<IpAddress | undefined> {
    this.askers.push(asker);
    return this.address;
  }

  /** The request the last adding action came with. */
  lastRequest(): PortMappingRequest {
    const request = this.requests.at(-1);
    if (request === undefined) throw new Error('nothing was asked to be mapped');
    return request;
  }

  #remember(asker: ControlPoint, request: PortMappingRequest): void {
    this.askers.push(asker);
    this.requests.push(request);
  }

  #find(name: PortMappingName): ListedMapping | undefined {
    return this.table.find(
      (held) =>
        held.protocol === name.protocol &&
        held.externalPort === name.externalPort &&
        held.remoteHost === name.remoteHost,
    );
  }

  #select(asker: ControlPoint, { protocol, ports, manage }: PortMappingSelection): readonly ListedMapping[] {
    return this.table.filter(
      (held) =>
        held.protocol === protocol &&
        isInPortRange(held.externalPort, ports) &&
        (manage || held.internalClient.equals(asker.address)),
    );
  }

  #put(request: PortMappingRequest, externalPort: PortNumber): void {
    const held = this.#find({ ...request, externalPort });
    if (held !== undefined) this.table.splice(this.table.indexOf(held), 1);
    const { protocol, remoteHost, internalClient, internalPort, description, leaseSeconds } = request;
    this.table.push({
      protocol,
      remoteHost,
      internalClient,
      internalPort,
      description,
      leaseSeconds,
      externalPort,
      isEnabled: true,
    });
    this.#changes += 1;
  }

  #remove(held: readonly ListedMapping[]): void {
    for (const mapping of held) this.table.splice(this.table.indexOf(mapping), 1);
    this.#changes += 1;
  }
}
