// The JSON that the API speaks, as schemas: the types, what the tests hold the answers against, and what the commands
// read. `schema` counts up when a field changes its meaning or goes; fields may be added without that.
// Spans are seconds, points in time ISO 8601 in UTC, null is "not known" or "none".

import * as v from 'valibot';
import { ok, type Result, refused } from '../base/result.ts';

export const API_SCHEMA_VERSION = 1;

const port = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65535));
const secondsLeft = v.pipe(v.number(), v.minValue(0));
const time = v.pipe(v.string(), v.isoTimestamp());
const protocol = v.picklist(['TCP', 'UDP']);
const orNull = <S extends v.GenericSchema>(schema: S): v.NullableSchema<S, undefined> => v.nullable(schema);

const mapping = v.object({
  protocol,
  externalAddress: v.string(),
  externalPort: port,
  assignedPort: port,
  remoteHost: v.string(),
  internalAddress: v.string(),
  internalPort: port,
  hostName: orNull(v.string()),
  description: v.string(),
  via: v.string(),
  madeBy: v.object({ address: v.string(), userAgent: v.string(), action: v.string() }),
  createdAt: time,
  leaseSecondsLeft: orNull(secondsLeft),
  lifetimeSecondsLeft: secondsLeft,
  renewInSeconds: secondsLeft,
  server: v.string(),
  nat1Port: orNull(port),
  state: v.picklist(['granted', 'restoring', 'degraded', 'waiting', 'deleting']),
  reason: v.string(),
});

const lost = v.object({
  protocol,
  externalPort: port,
  remoteHost: v.string(),
  internalAddress: v.string(),
  internalPort: port,
  lostSecondsAgo: secondsLeft,
  why: v.string(),
});

const server = v.object({
  id: v.string(),
  addresses: v.array(v.string()),
  isCurrent: v.boolean(),
  health: v.picklist(['up', 'unknown', 'down']),
  healthForSeconds: secondsLeft,
  version: orNull(v.string()),
  roundTripMilliseconds: orNull(v.number()),
  abilities: v.record(v.string(), v.picklist(['yes', 'no'])),
  lastRefusal: orNull(v.object({ code: v.number(), name: v.string(), words: v.string(), secondsAgo: secondsLeft })),
});

const status = v.object({
  schema: v.literal(API_SCHEMA_VERSION),
  takenAt: time,
  startedAt: time,
  version: v.string(),
  isDemo: v.boolean(),
  health: v.object({ level: v.picklist(['good', 'attention', 'bad']), sentence: v.string() }),
  lan: v.array(
    v.object({
      name: v.string(),
      address: v.string(),
      descriptionUrls: v.array(v.string()),
      problem: orNull(v.string()),
    }),
  ),
  wan: v.object({ interface: v.string(), nat: v.picklist(['none', 'nftables']), natProblem: orNull(v.string()) }),
  externalAddress: orNull(v.string()),
  externalAddressIsPublic: v.boolean(),
  servers: v.array(server),
  mappings: v.object({
    total: v.number(),
    most: v.number(),
    granted: v.number(),
    restoring: v.number(),
    degraded: v.number(),
    waiting: v.optional(v.number(), 0),
    deleting: v.number(),
  }),
  /** Left out by daemons of the first releases. */
  releasesOwed: v.optional(v.number(), 0),
  subscribers: v.number(),
  nextRenewal: orNull(v.object({ protocol, externalPort: port, inSeconds: secondsLeft })),
  wakes: v.array(v.object({ who: v.string(), why: v.string(), inSeconds: secondsLeft })),
});

const mappings = v.object({
  schema: v.literal(API_SCHEMA_VERSION),
  takenAt: time,
  mappings: v.array(mapping),
  /** What the server stopped honouring within the last day. */
  lost: v.optional(v.array(lost), []),
});

const event = v.object({
  at: time,
  kind: v.picklist([
    'granted',
    'changed',
    'refused',
    'deleted',
    'expired',
    'lost',
    'host gone',
    'server',
    'address',
    'daemon',
  ]),
  level: v.picklist(['info', 'warn']),
  text: v.string(),
});

const events = v.object({ schema: v.literal(API_SCHEMA_VERSION), forgotten: v.number(), events: v.array(event) });

const fault = v.object({ error: v.string(), upnpErrorCode: v.optional(v.number()) });

const added = v.object({
  protocol,
  externalPort: port,
  remoteHost: v.string(),
  externalAddress: orNull(v.string()),
});

const order = v.object({
  protocol,
  externalPort: v.optional(port, 0),
  remoteHost: v.optional(v.string(), ''),
  internalAddress: v.string(),
  internalPort: v.pipe(port, v.minValue(1)),
  leaseSeconds: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(604_800)), 3600),
  anyPort: v.optional(v.boolean(), false),
  description: v.optional(v.pipe(v.string(), v.maxLength(128)), ''),
});

const name = v.object({
  protocol,
  externalPort: v.pipe(port, v.minValue(1)),
  remoteHost: v.optional(v.string(), ''),
});

const emptied = v.object({
  deleted: v.number(),
  left: v.array(v.object({ what: v.string(), server: v.string(), why: v.string(), endsInSeconds: secondsLeft })),
});

export const API_SCHEMAS = { status, mapping, mappings, event, events, fault, added, order, name, emptied } as const;

export type StatusJson = v.InferOutput<typeof status>;
export type MappingJson = v.InferOutput<typeof mapping>;
export type LostMappingJson = v.InferOutput<typeof lost>;
export type MappingsJson = v.InferOutput<typeof mappings>;
export type EventJson = v.InferOutput<typeof event>;
export type EventsJson = v.InferOutput<typeof events>;
export type EmptiedJson = v.InferOutput<typeof emptied>;
export type FaultJson = v.InferOutput<typeof fault>;

/** The error says which field is wrong, and how. */
export function parseJson<S extends keyof typeof API_SCHEMAS>(
  schemaName: S,
  text: string,
): Result<v.InferOutput<(typeof API_SCHEMAS)[S]>, string> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refused('it is not JSON');
  }
  const read = v.safeParse(API_SCHEMAS[schemaName], value);
  if (read.success) return ok(read.output);
  const [issue] = read.issues;
  const path = v.getDotPath(issue);
  return refused(path === null ? issue.message : `${path}: ${issue.message}`);
}
