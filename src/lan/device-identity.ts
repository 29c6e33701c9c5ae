// The UUIDs of our devices and the boot counter of SSDP, kept in the state directory: a control point that saw this
// gateway before must know it again, and BOOTID.UPNP.ORG must grow with every start (UDA 1.1 §1.2.2).

import type { FileProblem, FileStore, RandomSource } from '../base/host.ts';
import { ok, type Result, refused } from '../base/result.ts';
import type { WallTime } from '../base/time.ts';
import { isUuid, randomUuid } from '../base/uuid.ts';
import type { DeviceUuids } from './igd/igd-devices.ts';

export interface DeviceIdentity {
  readonly igd1: DeviceUuids;
  readonly igd2: DeviceUuids;
  readonly bootId: number;
  /** PCP nonces are derived from it (RFC 6887 §11.2): a crash between a request and its note on the disk locks nobody out. */
  readonly nonceSecret: string;
}

export interface LoadedIdentity {
  readonly identity: DeviceIdentity;
  /** Why it will not be the same after the next start. */
  readonly problem: string | undefined;
}

/** UDA 1.1 §1.2.2: a BOOTID has 31 bits. */
const MAX_BOOT_ID = 0x7fff_ffff;
/** Seconds are counted from 2020 on: counted from 1970, they would not fit into 31 bits after January 2038. */
const SECONDS_COUNT_FROM = 1_577_836_800;
/** Each interface that comes or goes while we run takes one more number; the next start must be above all of them. */
const STEP_BETWEEN_STARTS = 1024;
const FILE_NAME = 'devices.json';
const PRIVATE_MODE = 0o600;
const SECRET_BYTES = 32;

/** The error: there is a file that cannot be read. A new identity must not take its place. */
export async function loadDeviceIdentity(
  files: FileStore,
  directory: string,
  random: RandomSource,
  now: WallTime,
): Promise<Result<LoadedIdentity, FileProblem>> {
  const path = `${directory}/${FILE_NAME}`;
  const stored = await files.read(path);
  if (!stored.ok && stored.error.kind !== 'missing') return refused(stored.error);
  const before = stored.ok ? parseIdentity(stored.value) : undefined;
  const identity: DeviceIdentity = {
    igd1: before?.igd1 ?? newUuids(random),
    igd2: before?.igd2 ?? newUuids(random),
    bootId: nextBootId(before?.bootId ?? 0, now),
    nonceSecret: before?.nonceSecret ?? hexOf(random.bytes(SECRET_BYTES)),
  };
  const written = await files.replace(path, `${JSON.stringify(identity, undefined, 2)}\n`, PRIVATE_MODE);
  return ok({ identity, problem: written.ok ? undefined : written.error.message });
}

/**
 * The clock grows by itself, also where nothing can be stored. The stored number is for a clock that was set back, and for
 * boxes that start in 1970.
 */
function nextBootId(before: number, now: WallTime): number {
  const byClock = Math.max(0, Math.floor(now / 1000) - SECONDS_COUNT_FROM) % MAX_BOOT_ID;
  const next = Math.max(byClock, before === 0 ? 1 : before + STEP_BETWEEN_STARTS);
  return next > MAX_BOOT_ID ? 1 : next;
}

const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

function newUuids(random: RandomSource): DeviceUuids {
  return { root: randomUuid(random), wan: randomUuid(random), connection: randomUuid(random) };
}

function parseIdentity(text: string): Partial<DeviceIdentity> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value)) return undefined;
  const { igd1, igd2, bootId, nonceSecret } = value;
  if (!areUuids(igd1) || !areUuids(igd2)) return undefined;
  const isSecret = typeof nonceSecret === 'string' && /^[0-9a-f]{64}$/.test(nonceSecret);
  return {
    igd1,
    igd2,
    bootId: Number.isSafeInteger(bootId) ? Number(bootId) : 0,
    ...(isSecret ? { nonceSecret } : {}),
  };
}

function areUuids(value: unknown): value is DeviceUuids {
  return (
    isRecord(value) &&
    [value['root'], value['wan'], value['connection']].every((v) => typeof v === 'string' && isUuid(v))
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
