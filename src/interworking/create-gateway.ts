// Puts the interworking function together: the parts, who listens to whom, and the questions a LAN side may ask.
// No rule of RFC 6970 lives here; each has its own file.

import type { Machine, Wake } from '../base/machine.ts';
import { earliestWake } from '../base/machine.ts';
import { after, type Duration, type Instant, seconds } from '../base/time.ts';
import { type Mapping, type MappingChanges, mappingKeyText } from '../mapping/mapping.ts';
import type { MapRequest } from '../pcp/asking/map-request.ts';
import { NONCE_BYTES } from '../pcp/asking/mapping-nonce.ts';
import { judgeAgain } from './accept-grant.ts';
import { Alarms } from './alarms.ts';
import { closePort, closePorts, releaseInBackground } from './close-port.ts';
import { ConnectionWatch } from './connection-watch.ts';
import { deleteAllMappings, type EmptiedTable, emptyTable } from './delete-all-mappings.ts';
import { ExternalAddress } from './external-address.ts';
import type { Gateway } from './gateway.ts';
import { HostDeparture, type HostObservation, letGoOfDeparted } from './host-departure.ts';
import type { GatewayContext, Interworking } from './interworking.ts';
import { entries, entryAt, entryOf } from './list-entries.ts';
import { type LostMapping, LostMappings, RefusalFeed, type RefusedRequest } from './mishaps.ts';
import { removeNat1Rules } from './nat1-rule.ts';
import { NonceBook } from './nonce-book.ts';
import { openPort } from './open-port.ts';
import { PortTurns } from './port-turns.ts';
import { ProbeReservations } from './probe-reservations.ts';
import { Quota, RequestRate } from './quota.ts';
import { Releases } from './releases.ts';
import { refusalOf, renewMapping } from './renew-mapping.ts';
import { RenewalLoop, type RenewalOutput } from './renewal-loop.ts';
import { resumeMappings } from './restore-mappings.ts';
import { listenToServer } from './server-news.ts';
import { ServerReturn } from './server-return.ts';

export interface RunningGateway extends Gateway {
  /** Under the driver's care; what it returns goes to `perform`. */
  readonly machine: Machine<RenewalOutput>;
  perform(output: RenewalOutput): void;
  /** Called when `machine.nextWake()` may have moved outside of a timeout. */
  onWakeMoved(listener: () => void): void;
  /** Called when something in `known` changed; the table's changes are announced by the table. */
  onKnownChanged(listener: () => void): void;
  onRefusal(listener: (refusal: RefusedRequest) => void): void;
  /** The address leases and the neighbour table as they are now: who left loses its mappings (RFC 6970 §5.10). */
  hostsSeen(observation: HostObservation): void;
  /** After the table's file was read; `stored` is what it held. */
  start(stored: readonly Mapping[]): void;
  /** Deletes everything here and at the servers, and says what these have not deleted by then. */
  deleteAll(within: Duration): Promise<EmptiedTable>;
  /** The same, and no more questions: the end of a demo. */
  close(within: Duration): Promise<void>;
  /** Leaves everything as it is, for the next start. */
  stop(): void;
  lost(): readonly LostMapping[];
  /** The operator's rules were read again. */
  policyChanged(): void;
  /** Why the last attempt to renew an entry failed; undefined: it did not. */
  troubleOf(mapping: Mapping): string | undefined;
}

export function createGateway(context: GatewayContext): RunningGateway {
  return new InterworkingGateway(context);
}

class InterworkingGateway implements RunningGateway {
  readonly machine: Machine<RenewalOutput>;
  readonly known: Gateway['known'];
  readonly #iw: Interworking;
  readonly #external = new ExternalAddress(() => this.#knownChanged());
  readonly #probes = new ProbeReservations((request, nat1Port) => this.#giveProbeBack(request, nat1Port));
  readonly #renewals: RenewalLoop;
  readonly #connection: ConnectionWatch;
  readonly #hosts: HostDeparture;
  #systemUpdateId = 0;
  #wakeMoved: () => void = () => {};
  #knownChanged: () => void = () => {};

  constructor(context: GatewayContext) {
    this.#iw = this.#assemble(context);
    const { table, unit, alarms, now } = this.#iw;
    this.#external.attach(this.#iw);
    this.#connection = new ConnectionWatch(context);
    const { hostGrace, unseenHostKept } = context.options;
    this.#hosts = new HostDeparture({ grace: hostGrace, unseen: unseenHostKept });
    this.#renewals = new RenewalLoop(table, unit, (mapping) => refusalOf(this.#iw, mapping));
    this.machine = {
      nextWake: (): Wake | undefined => earliestWake([this.#renewals.nextWake(), alarms.nextWake()]),
      handleTimeout: (at: Instant) => {
        alarms.handleTimeout(at);
        return this.#renewals.handleTimeout(at);
      },
    };
    this.known = {
      externalAddress: () => this.#external.known(now()),
      connection: () => this.#connection.status(now()),
      numberOfEntries: () => table.size,
      systemUpdateId: () => this.#systemUpdateId,
    };
    alarms.onWakeMoved(() => this.#wakeMoved());
    table.listen((changes) => this.#tableChanged(changes));
    listenToServer(this.#iw, {
      doubtAddress: () => this.#external.doubt(),
      forgetAddress: () => this.#external.forget(),
      healthChanged: () => {
        this.#connection.healthChanged(now());
        this.#iw.serverReturn.healthChanged();
        this.#knownChanged();
      },
    });
  }

  openPort: Gateway['openPort'] = (asker, wish) => openPort(this.#iw, asker, wish);
  closePort: Gateway['closePort'] = (asker, name) => closePort(this.#iw, asker, name);
  closePorts: Gateway['closePorts'] = (asker, selection) => closePorts(this.#iw, asker, selection);
  entryOf: Gateway['entryOf'] = (asker, name) => entryOf(this.#iw, asker, name);
  entryAt: Gateway['entryAt'] = (asker, index) => entryAt(this.#iw, asker, index);
  entries: Gateway['entries'] = (asker, selection, most) => entries(this.#iw, asker, selection, most);
  externalAddress: Gateway['externalAddress'] = (asker) => this.#external.ask(asker.address);
  connection: Gateway['connection'] = async () => {
    await this.#iw.serverReturn.awaited();
    return this.known.connection();
  };

  onWakeMoved(listener: () => void): void {
    this.#wakeMoved = listener;
  }

  onKnownChanged(listener: () => void): void {
    this.#knownChanged = listener;
  }

  onRefusal(listener: (refusal: RefusedRequest) => void): void {
    this.#iw.refusals.listen(listener);
  }

  start(stored: readonly Mapping[]): void {
    resumeMappings(this.#iw, stored);
    this.#iw.releases.resume();
    if (this.#iw.options.externalAddress === 'anchor') void this.#external.keepAnchor();
  }

  hostsSeen(observation: HostObservation): void {
    letGoOfDeparted(this.#iw, this.#hosts, observation);
  }

  deleteAll(within: Duration): Promise<EmptiedTable> {
    return deleteAllMappings(this.#iw, within);
  }

  async close(within: Duration): Promise<void> {
    const until = after(this.#iw.now(), within);
    const emptied = emptyTable(this.#iw, until, 'closing', 'the gateway closes');
    await Promise.all([emptied, this.#probes.close(), this.#external.close(until), this.#iw.durable()]);
    this.stop();
  }

  policyChanged(): void {
    judgeAgain(this.#iw);
  }

  stop(): void {
    this.#iw.alarms.cancelAll();
  }

  lost(): readonly LostMapping[] {
    return this.#iw.lost.list(this.#iw.now());
  }

  troubleOf(mapping: Mapping): string | undefined {
    return this.#iw.trouble.get(mappingKeyText(mapping))?.why;
  }

  perform(output: RenewalOutput): void {
    switch (output.kind) {
      case 'renew':
        void renewMapping(this.#iw, output.mapping, output.until);
        break;
      case 'release':
        void releaseInBackground(this.#iw, output.mapping);
        break;
    }
  }

  #assemble(context: GatewayContext): Interworking {
    const nonces = new NonceBook(context.drawNonce ?? (() => context.random.bytes(NONCE_BYTES)));
    const alarms = new Alarms();
    return {
      ...context,
      unit: () => context.random.unit(),
      turns: new PortTurns(),
      alarms,
      serverReturn: new ServerReturn(context, alarms),
      nonces,
      quota: new Quota(context.table, context.macOf),
      rate: new RequestRate(),
      refusals: new RefusalFeed(),
      lost: new LostMappings(),
      releases: new Releases({ ...context, alarms }, nonces),
      probes: this.#probes,
      external: this.#external,
      trouble: new Map(),
      renewals: new Map(),
      doubts: { count: 0 },
    };
  }

  #tableChanged(changes: MappingChanges): void {
    const { lost, trouble, releases, now } = this.#iw;
    for (const change of changes) {
      const { mapping } = change;
      if (change.kind !== 'removed') releases.regained(mapping);
      if (change.kind === 'updated') releases.leftBehind(change.previous, mapping);
      if (change.kind === 'removed') {
        trouble.delete(mappingKeyText(mapping));
        if (change.reason === 'lost') lost.note(mapping, change.why, now());
      } else if (change.kind === 'added' || isNewGrant(change.previous, mapping)) {
        lost.regained(mapping);
        this.#external.note(mapping.upstream.assignedAddress, mapping.upstream.expiresAt);
      }
    }
    // WANIPConnection:2 §2.3.25: one step per change, whatever number of entries it touched; ui4 wraps.
    if (changes.some((change) => change.kind !== 'updated' || change.isVisible))
      this.#systemUpdateId = (this.#systemUpdateId + 1) >>> 0;
    removeNat1Rules(this.#iw, changes);
    this.#wakeMoved();
  }

  async #giveProbeBack(request: MapRequest, nat1Port: number | undefined): Promise<void> {
    const { protocol, internalPort, thirdParty, nonce } = request;
    await this.#iw.pcp.release({ protocol, internalPort, thirdParty, nonce }, after(this.#iw.now(), seconds(60)));
    if (nat1Port !== undefined) this.#iw.localNat?.unreserve(protocol, internalPort);
  }
}

const isNewGrant = (previous: Mapping, { upstream }: Mapping): boolean =>
  previous.upstream.grantedAt !== upstream.grantedAt ||
  !previous.upstream.assignedAddress.equals(upstream.assignedAddress);
