// A gateway with a table and UPnP's own rules for it, and no PCP server behind: every request is granted as asked.
// `refuse` makes it answer one refusal to everything that could be refused, as the carrier or a policy would.

import { IpAddress } from '../../src/base/ip-address.ts';
import { isInPortRange, type PortNumber, portNumber } from '../../src/base/port-number.ts';
import { ok, refused } from '../../src/base/result.ts';
import { type Duration, minutes } from '../../src/base/time.ts';
import type {
  Answer,
  Asker,
  ClosedPortName,
  ConnectionStatus,
  Gateway,
  ListedMapping,
  PortName,
  PortSelection,
  Wish,
} from '../../src/interworking/gateway.ts';
import { type Refusal, refusal } from '../../src/interworking/refusal.ts';

const NO_SUCH_ENTRY = refusal('no such entry', 'there is no such mapping');

export class FakeGateway implements Gateway {
  readonly table: ListedMapping[] = [];
  readonly askers: Asker[] = [];
  readonly wishes: Wish[] = [];
  refuse: Refusal | undefined;
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

  async openPort(asker: Asker, wish: Wish): Promise<Answer<PortNumber>> {
    this.askers.push(asker);
    this.wishes.push(wish);
    if (this.refuse !== undefined) return refused(this.refuse);
    const held = this.#find(wish);
    if (wish.isExact) {
      if (held !== undefined && !held.internalClient.equals(wish.internalClient))
        return refused(refusal('taken', 'another host has it'));
      this.#put(wish, wish.externalPort);
      return ok(wish.externalPort);
    }
    let port = wish.externalPort === 0 ? 40_000 : wish.externalPort;
    while (this.table.some((other) => other.externalPort === port && other.protocol === wish.protocol)) port += 1;
    this.#put(wish, portNumber(port));
    return ok(portNumber(port));
  }

  async closePort(asker: Asker, { protocol, ...rest }: ClosedPortName): Promise<Answer<void>> {
    this.askers.push(asker);
    if (this.refuse !== undefined) return refused(this.refuse);
    const protocols = protocol === undefined ? (['TCP', 'UDP'] as const) : [protocol];
    const [held] = protocols.flatMap((one) => this.#find({ protocol: one, ...rest }) ?? []);
    if (held === undefined) return refused(NO_SUCH_ENTRY);
    this.#remove([held]);
    return ok(undefined);
  }

  async closePorts(asker: Asker, selection: PortSelection): Promise<Answer<void>> {
    this.askers.push(asker);
    if (this.refuse !== undefined) return refused(this.refuse);
    const held = this.#select(asker, selection);
    if (held.length === 0) return refused(NO_SUCH_ENTRY);
    this.#remove(held);
    return ok(undefined);
  }

  entryAt(asker: Asker, index: number): Answer<ListedMapping> {
    this.askers.push(asker);
    if (this.refuse !== undefined) return refused(this.refuse);
    const held = this.table[index];
    return held === undefined ? refused(NO_SUCH_ENTRY) : ok(held);
  }

  async entryOf(asker: Asker, name: PortName): Promise<Answer<ListedMapping>> {
    this.askers.push(asker);
    if (this.refuse !== undefined) return refused(this.refuse);
    const held = this.#find(name);
    return held === undefined ? refused(NO_SUCH_ENTRY) : ok(held);
  }

  entries(asker: Asker, selection: PortSelection, most: number): Answer<readonly ListedMapping[]> {
    this.askers.push(asker);
    if (this.refuse !== undefined) return refused(this.refuse);
    const held = this.#select(asker, selection);
    return held.length === 0 ? refused(NO_SUCH_ENTRY) : ok(held.slice(0, most));
  }

  async externalAddress(asker: Asker): Promise<IpAddress | undefined> {
    this.askers.push(asker);
    return this.address;
  }

  /** What was wished for last. */
  lastWish(): Wish {
    const wish = this.wishes.at(-1);
    if (wish === undefined) throw new Error('no port was asked for');
    return wish;
  }

  #find(name: PortName): ListedMapping | undefined {
    return this.table.find(
      (held) =>
        held.protocol === name.protocol &&
        held.externalPort === name.externalPort &&
        held.remoteHost === name.remoteHost,
    );
  }

  #select(asker: Asker, { protocol, ports, manage }: PortSelection): readonly ListedMapping[] {
    return this.table.filter(
      (held) =>
        held.protocol === protocol &&
        isInPortRange(held.externalPort, ports) &&
        (manage || held.internalClient.equals(asker.address)),
    );
  }

  #put(wish: Wish, externalPort: PortNumber): void {
    const held = this.#find({ ...wish, externalPort });
    if (held !== undefined) this.table.splice(this.table.indexOf(held), 1);
    const { protocol, remoteHost, internalClient, internalPort, description, leaseSeconds } = wish;
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
