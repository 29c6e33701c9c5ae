// One owed release as it stands on disk, and back; every field is checked. Releases that know nothing of owed releases
// pass over these records, so the version of the file stays what it was.

import { wallTime } from '../base/time.ts';
import { parseTransportProtocol } from '../base/transport-protocol.ts';
import { type ClockReading, instantOf, wallTimeOf } from './clock-reading.ts';
import { addressOf, isFields, isNonceText, numberOf, portOf, type RecordFields } from './mapping-record.ts';
import type { OwedRelease, PlaceAtServer } from './owed-release.ts';

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
