// The PCP server as a machine: datagrams and `now` in, datagrams out, misbehaving as its faults say (RFC 6887, server side).
// The network it pretends to sit behind is part of it, so that faults work alike over virtual time and real sockets.
// What one request means is decided in `answer-pcp.ts` and `answer-nat-pmp.ts`.

import type { RandomSource } from '../base/host.ts';
import type { Endpoint, IpAddress } from '../base/ip-address.ts';
import type { Machine, Wake } from '../base/machine.ts';
import type { PortNumber } from '../base/port-number.ts';
import type { Instant } from '../base/time.ts';
import { NAT_PMP_VERSION } from '../pcp/wire/common-header.ts';
import type { ServerState } from './answer-map.ts';
import { answerNatPmp } from './answer-nat-pmp.ts';
import { answerPcp, type PcpDatagram } from './answer-pcp.ts';
import { DelayLine } from './delay-line.ts';
import { type InternalKey, internalKeyText, MappingStore, type SimulatedMapping } from './served-mappings.ts';
import type { Reply, ServedRequest } from './served-request.ts';
import { CopySchedule, mappingUpdate, restartAnnouncement, ServerEpoch } from './server-announcement.ts';
import {
  DEFAULT_SIMULATOR_OPTIONS,
  NO_FAULTS,
  type SimulatorFaults,
  type SimulatorOptions,
} from './simulator-options.ts';

export type SimulatorOutput =
  | { readonly kind: 'transmit'; readonly bytes: Uint8Array; readonly to: Endpoint; readonly fromPort: SourcePort }
  /** To the clients' multicast groups (RFC 6887 §14.1). */
  | { readonly kind: 'announce'; readonly bytes: Uint8Array }
  | { readonly kind: 'served'; readonly request: ServedRequest };

export type SourcePort = 'the server port' | 'another port';

export interface Restart {
  /** The epoch is reset all the same. */
  readonly keepTable: boolean;
  readonly announce: boolean;
}

/** How clients hear that the external address changed. */
export type ChangeNotice = 'mapping updates' | 'restart announcement' | 'nothing';

interface Outgoing {
  readonly bytes: Uint8Array;
  /** Undefined: everybody. */
  readonly to: Endpoint | undefined;
}

type Unsolicited =
  | { readonly kind: 'restart' }
  | { readonly kind: 'update'; readonly mapping: SimulatedMapping; readonly isRevoked: boolean };

const RESTART = 'restart';
// RFC 6887 §14.2.
const MAPPING_UPDATE_COPIES = 3;
const NONCE_OFFSET = 24;

export class Simulator implements Machine<SimulatorOutput> {
  readonly #random: Pick<RandomSource, 'unit'>;
  readonly #store: MappingStore;
  readonly #epoch: ServerEpoch;
  readonly #inbound: DelayLine<PcpDatagram>;
  readonly #outbound: DelayLine<Outgoing>;
  readonly #unsolicited = new CopySchedule<Unsolicited>();
  #options: SimulatorOptions;
  #faults: SimulatorFaults = NO_FAULTS;

  constructor(options: Partial<SimulatorOptions>, random: Pick<RandomSource, 'unit'>, now: Instant) {
    this.#options = { ...DEFAULT_SIMULATOR_OPTIONS, ...options };
    this.#random = random;
    this.#store = new MappingStore(this.#options.holdBack);
    this.#epoch = new ServerEpoch(now);
    this.#inbound = new DelayLine(random);
    this.#outbound = new DelayLine(random);
  }

  get options(): SimulatorOptions {
    return this.#options;
  }

  get faults(): SimulatorFaults {
    return this.#faults;
  }

  /** Holds from the next datagram on; what is under way stays so. */
  setFaults(change: Partial<SimulatorFaults>, now: Instant): void {
    this.#faults = { ...this.#faults, ...change };
    this.#epoch.setRate(this.#faults.epochRate, now);
  }

  /** Limits and habits; mappings that exist stay. `holdBack` is fixed at the start. */
  setOptions(change: Partial<Omit<SimulatorOptions, 'holdBack'>>): void {
    this.#options = { ...this.#options, ...change };
  }

  mappings(now: Instant): readonly SimulatedMapping[] {
    this.#store.expire(now);
    return this.#store.all();
  }

  epoch(now: Instant): number {
    return this.#epoch.value(now);
  }

  handleDatagram(bytes: Uint8Array, from: Endpoint, now: Instant): readonly SimulatorOutput[] {
    this.#inbound.put({ bytes, from }, this.#faults, now);
    return this.handleTimeout(now);
  }

  handleTimeout(now: Instant): readonly SimulatorOutput[] {
    this.#store.expire(now);
    const served: SimulatorOutput[] = [];
    for (const datagram of this.#inbound.take(now)) {
      if (this.#faults.silent) continue;
      const { bytes, served: request } = this.#answer(datagram, now);
      served.push({ kind: 'served', request });
      if (bytes !== undefined) this.#send({ bytes, to: datagram.from }, now);
    }
    for (const item of this.#unsolicited.take(now)) this.#sendUnsolicited(item, now);
    return [...served, ...this.#outbound.take(now).map((outgoing) => this.#leave(outgoing))];
  }

  nextWake(): Wake | undefined {
    const candidates: readonly [Instant | undefined, string][] = [
      [this.#inbound.nextArrival(), 'a request arrives'],
      [this.#outbound.nextArrival(), 'an answer leaves'],
      [this.#unsolicited.nextAt(), 'another copy of an announcement'],
      [this.#store.nextEnd(), 'a mapping or a hold ends'],
    ];
    let wake: Wake | undefined;
    for (const [at, why] of candidates)
      if (at !== undefined && (wake === undefined || at < wake.at)) wake = { at, why };
    return wake;
  }

  restart({ keepTable, announce }: Restart, now: Instant): readonly SimulatorOutput[] {
    if (!keepTable) this.#store.forgetEverything(now);
    // Whom it was about to tell what, a server forgets with the rest of its memory.
    this.#unsolicited.stopAll();
    this.#epoch.set(0, now);
    if (announce) this.#unsolicited.start(RESTART, { kind: 'restart' }, this.#options.announceCopies, now);
    return this.handleTimeout(now);
  }

  setEpoch(seconds: number, now: Instant): void {
    this.#epoch.set(seconds, now);
  }

  /** Mappings keep their ports and move to the first of the new addresses. */
  changeExternalAddresses(
    addresses: readonly IpAddress[],
    notice: ChangeNotice,
    now: Instant,
  ): readonly SimulatorOutput[] {
    const [externalAddress] = addresses;
    if (externalAddress === undefined) throw new RangeError('the simulator needs at least one external address');
    this.#options = { ...this.#options, externalAddresses: addresses };
    for (const mapping of this.#store.all()) this.#replace({ ...mapping, externalAddress }, notice, now);
    // RFC 6887 §8.5: an address change resets the epoch as a restart does.
    if (notice === 'restart announcement') return this.restart({ keepTable: true, announce: true }, now);
    return this.handleTimeout(now);
  }

  /** Gives the mapping another external port and tells its client (RFC 6887 §14.2). */
  moveMapping(key: InternalKey, externalPort: PortNumber, now: Instant): readonly SimulatorOutput[] {
    const mapping = this.#store.find(key);
    if (mapping !== undefined) this.#replace({ ...mapping, externalPort }, 'mapping updates', now);
    return this.handleTimeout(now);
  }

  /** Takes the mapping away; `tell`: with CANNOT_PROVIDE_EXTERNAL to its client (RFC 6887 §14.2). */
  revokeMapping(key: InternalKey, tell: boolean, now: Instant): readonly SimulatorOutput[] {
    const mapping = this.#store.find(key);
    if (mapping !== undefined) {
      this.#store.remove(mapping, now);
      if (tell) this.#startUpdate(mapping, true, now);
    }
    return this.handleTimeout(now);
  }

  /** As an operator would configure it: no nonce, no end (RFC 6887 §11.3). */
  addStaticMapping(key: InternalKey, externalPort: PortNumber, now: Instant): void {
    const [externalAddress] = this.#options.externalAddresses;
    if (externalAddress === undefined) throw new RangeError('the simulator needs at least one external address');
    const withoutClient = {
      nonce: undefined,
      expiresAt: undefined,
      filters: [],
      description: undefined,
      client: undefined,
    };
    this.#store.put(
      { ...key, ...withoutClient, externalAddress, externalPort, exactPort: false, isThirdParty: false },
      now,
    );
  }

  #answer(datagram: PcpDatagram, now: Instant): Reply {
    const { speaks } = this.#faults;
    const state: ServerState = {
      store: this.#store,
      options: this.#options,
      faults: this.#faults,
      random: this.#random,
      // RFC 6887 §14.2: copies of an update stop once the client has refreshed the mapping.
      refreshed: (mapping) => this.#unsolicited.stop(internalKeyText(mapping)),
    };
    const isNatPmp = speaks === 'NAT-PMP' || (speaks === 'both' && datagram.bytes[0] === NAT_PMP_VERSION);
    return (isNatPmp ? answerNatPmp : answerPcp)(datagram, state, this.#epoch.value(now), now);
  }

  #replace(mapping: SimulatedMapping, notice: ChangeNotice, now: Instant): void {
    this.#store.put(mapping, now);
    if (notice === 'mapping updates') this.#startUpdate(mapping, false, now);
  }

  #startUpdate(mapping: SimulatedMapping, isRevoked: boolean, now: Instant): void {
    this.#unsolicited.start(
      internalKeyText(mapping),
      { kind: 'update', mapping, isRevoked },
      MAPPING_UPDATE_COPIES,
      now,
    );
  }

  #sendUnsolicited(item: Unsolicited, now: Instant): void {
    const epoch = this.#epoch.value(now);
    if (item.kind === 'restart') {
      const bytes = restartAnnouncement(this.#faults.speaks, this.#options.externalAddresses[0], epoch);
      this.#send({ bytes, to: undefined }, now);
      return;
    }
    const bytes = mappingUpdate(item.mapping, item.isRevoked, epoch, now);
    if (bytes !== undefined && item.mapping.client !== undefined) this.#send({ bytes, to: item.mapping.client }, now);
  }

  #send(outgoing: Outgoing, now: Instant): void {
    if (!this.#faults.silent) this.#outbound.put(outgoing, this.#faults, now);
  }

  #leave({ bytes, to }: Outgoing): SimulatorOutput {
    const { wrongNonce, wrongSourcePort } = this.#faults;
    const sent = wrongNonce ? withAnotherNonce(bytes) : bytes;
    if (to === undefined) return { kind: 'announce', bytes: sent };
    return { kind: 'transmit', bytes: sent, to, fromPort: wrongSourcePort ? 'another port' : 'the server port' };
  }
}

function withAnotherNonce(bytes: Uint8Array): Uint8Array {
  const forged = Uint8Array.from(bytes);
  const first = forged[NONCE_OFFSET];
  if (first !== undefined) forged[NONCE_OFFSET] = first ^ 0xff;
  return forged;
}
