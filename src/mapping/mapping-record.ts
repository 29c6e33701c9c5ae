// One mapping as it stands on disk: plain JSON with wall-clock times, and back. Reading checks every field;
// fields it does not know are left alone, so that a newer release's file can still be read by this one.

import { IpAddress } from '../base/ip-address.ts';
import { isPortNumber, type PortNumber } from '../base/port-number.ts';
import { after, between, type Instant, type WallTime, wallTime, wallTimeAfter, wallTimeBetween } from '../base/time.ts';
import { parseTransportProtocol } from '../base/transport-protocol.ts';
import type { OwedRelease, PlaceAtServer } from './ledger.ts';
import type { Door, Maker, Mapping, MappingKey, MappingState, Upstream } from './mapping.ts';

const DOORS: readonly Door[] = ['IGD:1', 'IGD:2', 'operator'];
const STATES: readonly MappingState[] = ['granted', 'restoring', 'degraded', 'waiting', 'deleting'];

export type RecordFields = Readonly<Record<string, unknown>>;

/** Raised whenever a reader of the old form would misunderstand the new one. */
export const RECORD_VERSION = 2;

/** Step n turns a record of version n + 1 into one of version n + 2; older files are read through all that follow. */
type UpgradeStep = (record: RecordFields) => RecordFields;
const UPGRADE_STEPS: readonly UpgradeStep[] = [withDoorAndName];

export function upgradeRecord(
  record: RecordFields,
  version: number,
  steps: readonly UpgradeStep[] = UPGRADE_STEPS,
): RecordFields {
  return steps.slice(version - 1).reduce((current, step) => step(current), record);
}

/**
 * Version 1 knew UPnP only: the action and the version of the service stood where the door stands now. A record of version 2
 * is left as it is: behind a damaged first line nobody knows which version a journal has.
 */
function withDoorAndName(record: RecordFields): RecordFields {
  const { madeBy } = record;
  if (!isFields(madeBy) || madeBy['via'] !== undefined) return record;
  const { address, userAgent: name, by, igd } = madeBy;
  if (igd !== 1 && igd !== 2) return record;
  const isOperator = by === 'operator' || madeBy['isOperator'] === true;
  const via = isOperator ? 'operator' : `IGD:${igd}`;
  return { ...record, isPublished: by !== 'AddAnyPortMapping', madeBy: { address, via, name } };
}

export function recordOf(mapping: Mapping, reading: ClockReading): RecordFields {
  const { upstream } = mapping;
  return {
    protocol: mapping.protocol,
    externalPort: mapping.externalPort,
    remoteHost: mapping.remoteHost,
    remotePeers: mapping.remotePeers.map((peer) => peer.text),
    internalClient: mapping.internalClient.text,
    internalPort: mapping.internalPort,
    description: mapping.description,
    madeBy: { ...mapping.madeBy, address: mapping.madeBy.address.text },
    isPublished: mapping.isPublished,
    createdAt: mapping.createdAt,
    leaseEndsAt: mapping.leaseEndsAt === undefined ? null : Math.round(wallTimeOf(mapping.leaseEndsAt, reading)),
    leaseSeconds: mapping.leaseSeconds,
    nat1Port: mapping.nat1Port ?? null,
    state: mapping.state,
    upstream: {
      server: upstream.server,
      nonce: upstream.nonce,
      internalAddress: upstream.internalAddress.text,
      internalPort: upstream.internalPort,
      isThirdParty: upstream.isThirdParty,
      assignedAddress: upstream.assignedAddress.text,
      assignedPort: upstream.assignedPort,
      grantedAt: Math.round(wallTimeOf(upstream.grantedAt, reading)),
      expiresAt: Math.round(wallTimeOf(upstream.expiresAt, reading)),
    },
  };
}

/** Undefined when any field is missing or impossible. `renewAt` is the present: whoever loads it decides when to ask. */
export function mappingOf(record: unknown, reading: ClockReading): Mapping | undefined {
  if (!isFields(record)) return undefined;
  const key = keyOf(record);
  const internalClient = addressOf(record['internalClient']);
  const internalPort = portOf(record['internalPort']);
  const remotePeers = addressesOf(record['remotePeers']);
  const madeBy = makerOf(record['madeBy']);
  const upstream = upstreamOf(record['upstream'], reading);
  const createdAt = numberOf(record['createdAt']);
  const leaseSeconds = numberOf(record['leaseSeconds']);
  const leaseEndsAt = record['leaseEndsAt'] === null ? null : numberOf(record['leaseEndsAt']);
  const nat1Port = record['nat1Port'] === null ? null : portOf(record['nat1Port']);
  const state = stateOf(record['state']);
  const { description, isPublished } = record;
  if (key === undefined || internalClient === undefined || internalPort === undefined) return undefined;
  if (remotePeers === undefined || madeBy === undefined || upstream === undefined) return undefined;
  if (createdAt === undefined || leaseSeconds === undefined || leaseEndsAt === undefined) return undefined;
  if (nat1Port === undefined || state === undefined || typeof description !== 'string') return undefined;
  if (typeof isPublished !== 'boolean') return undefined;
  return {
    ...key,
    remotePeers,
    internalClient,
    internalPort,
    description,
    madeBy,
    isPublished,
    createdAt: wallTime(createdAt),
    leaseEndsAt: leaseEndsAt === null ? undefined : instantOf(wallTime(leaseEndsAt), reading),
    leaseSeconds,
    nat1Port: nat1Port ?? undefined,
    upstream,
    state,
  };
}

export function keyOf(record: unknown): MappingKey | undefined {
  if (!isFields(record)) return undefined;
  const protocol = typeof record['protocol'] === 'string' ? parseTransportProtocol(record['protocol']) : undefined;
  const externalPort = portOf(record['externalPort']);
  const { remoteHost } = record;
  if (protocol === undefined || externalPort === undefined || typeof remoteHost !== 'string') return undefined;
  return { protocol, externalPort, remoteHost };
}

export const isFields = (value: unknown): value is RecordFields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;

function upstreamOf(record: unknown, reading: ClockReading): Upstream | undefined {
  if (!isFields(record)) return undefined;
  const { server, nonce, isThirdParty } = record;
  const internalAddress = addressOf(record['internalAddress']);
  const assignedAddress = addressOf(record['assignedAddress']);
  const internalPort = portOf(record['internalPort']);
  const assignedPort = portOf(record['assignedPort']);
  const grantedAt = numberOf(record['grantedAt']);
  const expiresAt = numberOf(record['expiresAt']);
  if (typeof server !== 'string' || typeof isThirdParty !== 'boolean') return undefined;
  if (!isNonceText(nonce)) return undefined;
  if (internalAddress === undefined || assignedAddress === undefined) return undefined;
  if (internalPort === undefined || assignedPort === undefined) return undefined;
  if (grantedAt === undefined || expiresAt === undefined) return undefined;
  return {
    server,
    nonce,
    internalAddress,
    internalPort,
    isThirdParty,
    assignedAddress,
    assignedPort,
    grantedAt: instantOf(wallTime(grantedAt), reading),
    expiresAt: instantOf(wallTime(expiresAt), reading),
    renewAt: reading.now,
    window: 1,
  };
}

function makerOf(record: unknown): Maker | undefined {
  if (!isFields(record)) return undefined;
  const address = addressOf(record['address']);
  const { name } = record;
  const via = DOORS.find((door) => door === record['via']);
  if (address === undefined || via === undefined || typeof name !== 'string') return undefined;
  return { address, via, name };
}

function stateOf(value: unknown): MappingState | undefined {
  return STATES.find((state) => state === value);
}

const isNonceText = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{24}$/.test(value);

const addressOf = (value: unknown): IpAddress | undefined =>
  typeof value === 'string' ? IpAddress.parse(value) : undefined;

const portOf = (value: unknown): PortNumber | undefined =>
  typeof value === 'number' && isPortNumber(value) ? value : undefined;

function addressesOf(value: unknown): readonly IpAddress[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const addresses = value.map(addressOf);
  return addresses.every((address) => address !== undefined) ? addresses : undefined;
}

// Both clocks read at one moment, to turn monotonic time into wall time for the disk and back (RFC 6887 §8.5).

export interface ClockReading {
  readonly now: Instant;
  readonly wall: WallTime;
}

export const wallTimeOf = (at: Instant, reading: ClockReading): WallTime =>
  wallTimeAfter(reading.wall, between(reading.now, at));

const instantOf = (at: WallTime, reading: ClockReading): Instant =>
  after(reading.now, wallTimeBetween(reading.wall, at));

// One owed release as it stands on disk, and back; every field is checked. Releases that know nothing of owed releases
// pass over these records, so the version of the file stays what it was.

export const placeRecordOf = (place: PlaceAtServer): RecordFields => ({
  server: place.server,
  protocol: place.protocol,
  internalAddress: place.internalAddress.text,
  internalPort: place.internalPort,
});

export const owedRecordOf = (release: OwedRelease, reading: ClockReading): RecordFields => ({
  ...placeRecordOf(release),
  nonce: release.nonce,
  isThirdParty: release.isThirdParty,
  endsAt: Math.round(wallTimeOf(release.endsAt, reading)),
});

export function placeOf(record: unknown): PlaceAtServer | undefined {
  if (!isFields(record)) return undefined;
  const { server } = record;
  const protocol = typeof record['protocol'] === 'string' ? parseTransportProtocol(record['protocol']) : undefined;
  const internalAddress = addressOf(record['internalAddress']);
  const internalPort = portOf(record['internalPort']);
  if (typeof server !== 'string' || protocol === undefined) return undefined;
  if (internalAddress === undefined || internalPort === undefined) return undefined;
  return { server, protocol, internalAddress, internalPort };
}

/** Undefined when any field is missing or impossible. */
export function owedReleaseOf(record: unknown, reading: ClockReading): OwedRelease | undefined {
  const place = placeOf(record);
  if (!isFields(record) || place === undefined) return undefined;
  const { nonce, isThirdParty } = record;
  const endsAt = numberOf(record['endsAt']);
  if (!isNonceText(nonce) || typeof isThirdParty !== 'boolean' || endsAt === undefined) return undefined;
  return { ...place, nonce, isThirdParty, endsAt: instantOf(wallTime(endsAt), reading) };
}
