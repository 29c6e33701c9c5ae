// The snapshot as the API's JSON. The shapes are api-schema.ts's.

import { type Duration, inSeconds, type WallTime } from '../base/time.ts';
import { resultName } from '../pcp/asking/result-code.ts';
import {
  API_SCHEMA_VERSION,
  type EmptiedJson,
  type EventJson,
  type EventsJson,
  type MappingJson,
  type MappingsJson,
  type StatusJson,
} from './api-schema.ts';
import type { DayView, OperatorEvent } from './event-history.ts';
import { healthOf, nextRenewalOf } from './health.ts';
import type { MappingView } from './mapping-view.ts';
import type { Emptied, ServerView, Snapshot } from './operator-source.ts';
import { refusalInWords } from './refusal-words.ts';

export function statusJson(snapshot: Snapshot): StatusJson {
  return {
    schema: API_SCHEMA_VERSION,
    takenAt: timeText(snapshot.takenAt),
    startedAt: timeText(snapshot.startedAt),
    version: snapshot.version,
    isDemo: snapshot.isDemo,
    health: healthOf(snapshot),
    lan: snapshot.lan.map(({ name, address, descriptionUrls, problem }) => ({
      name,
      address,
      descriptionUrls: [...descriptionUrls],
      problem: problem ?? null,
    })),
    wan: {
      interface: snapshot.wan.interfaceName,
      nat: snapshot.wan.nat,
      natProblem: snapshot.wan.natProblem ?? null,
    },
    externalAddress: snapshot.externalAddress ?? null,
    externalAddressIsPublic: snapshot.externalAddressIsPublic,
    servers: snapshot.servers.map(serverJson),
    mappings: countsOf(snapshot),
    releasesOwed: snapshot.releasesOwed,
    subscribers: snapshot.subscribers,
    nextRenewal: renewalJson(nextRenewalOf(snapshot)),
    wakes: snapshot.wakes.map((wake) => ({ who: wake.who, why: wake.why, inSeconds: secondsOf(wake.in) })),
  };
}

type Listed = Pick<Snapshot, 'takenAt' | 'mappings' | 'lost'>;

export const mappingsJson = ({ takenAt, mappings, lost }: Listed): MappingsJson => ({
  schema: API_SCHEMA_VERSION,
  takenAt: timeText(takenAt),
  mappings: mappings.map(mappingJson),
  lost: lost.map(({ internalClient, ago, ...view }) => ({
    ...view,
    internalAddress: internalClient,
    lostSecondsAgo: secondsOf(ago),
  })),
});

/** Latest first. */
export const emptiedJson = ({ deleted, left }: Emptied): EmptiedJson => ({
  deleted,
  left: left.map(({ what, server, why, endsIn }) => ({ what, server, why, endsInSeconds: secondsOf(endsIn) })),
});

export const eventsJson = ({ events, forgotten }: DayView): EventsJson => ({
  schema: API_SCHEMA_VERSION,
  forgotten,
  events: events.map(eventJson),
});

export const eventJson = ({ at, kind, level, text }: OperatorEvent): EventJson => ({
  at: timeText(at),
  kind,
  level,
  text,
});

function mappingJson(view: MappingView): MappingJson {
  return {
    protocol: view.protocol,
    externalAddress: view.externalAddress,
    externalPort: view.externalPort,
    assignedPort: view.assignedPort,
    remoteHost: view.remoteHost,
    internalAddress: view.internalClient,
    internalPort: view.internalPort,
    hostName: view.hostName ?? null,
    description: view.description,
    via: view.via,
    madeBy: { address: view.madeBy, userAgent: view.userAgent, action: view.action },
    createdAt: timeText(view.createdAt),
    leaseSecondsLeft: view.leaseLeft === undefined ? null : secondsOf(view.leaseLeft),
    lifetimeSecondsLeft: secondsOf(view.lifetimeLeft),
    renewInSeconds: secondsOf(view.renewIn),
    server: view.server,
    nat1Port: view.nat1Port ?? null,
    state: view.state,
    reason: view.reason,
  };
}

function serverJson(server: ServerView): StatusJson['servers'][number] {
  const { lastRefusal } = server;
  return {
    id: server.id,
    addresses: [...server.addresses],
    isCurrent: server.isCurrent,
    health: server.health,
    healthForSeconds: secondsOf(server.healthFor),
    version: server.version ?? null,
    roundTripMilliseconds: server.roundTrip ?? null,
    abilities: { ...server.abilities },
    lastRefusal:
      lastRefusal === undefined
        ? null
        : {
            code: lastRefusal.code,
            name: resultName(lastRefusal.code),
            words: refusalInWords(lastRefusal.code),
            secondsAgo: secondsOf(lastRefusal.ago),
          },
  };
}

const renewalJson = (view: MappingView | undefined): StatusJson['nextRenewal'] =>
  view === undefined
    ? null
    : { protocol: view.protocol, externalPort: view.externalPort, inSeconds: secondsOf(view.renewIn) };

function countsOf({ mappings, maxMappings }: Snapshot): StatusJson['mappings'] {
  const count = (state: MappingView['state']): number => mappings.filter((view) => view.state === state).length;
  return {
    total: mappings.length,
    most: maxMappings,
    granted: count('granted'),
    restoring: count('restoring'),
    degraded: count('degraded'),
    waiting: count('waiting'),
    deleting: count('deleting'),
  };
}

const secondsOf = (span: Duration): number => Math.max(0, Math.round(inSeconds(span)));

export const timeText = (at: WallTime): string => new Date(at).toISOString();

export const roundTripText = (span: number): string => (span < 10 ? `${span.toFixed(1)} ms` : `${Math.round(span)} ms`);
