// The one sentence at the top of every surface: is all well, and if not, what does that mean for the people in the house?

import { durationInWords } from '../base/time.ts';
import { isLive, type MappingView } from './mapping-view.ts';
import type { ServerView, Snapshot } from './operator-source.ts';

export interface Health {
  /** "bad": ports cannot be opened now. "attention": they can, but something deserves a look. */
  readonly level: 'good' | 'attention' | 'bad';
  readonly sentence: string;
}

const bad = (sentence: string): Health => ({ level: 'bad', sentence });
const attention = (sentence: string): Health => ({ level: 'attention', sentence });

export function healthOf(snapshot: Snapshot): Health {
  const server = snapshot.servers.find((one) => one.isCurrent);
  return (
    lanTrouble(snapshot) ??
    natTrouble(snapshot) ??
    serverTrouble(snapshot, server) ??
    diskTrouble(snapshot) ??
    worries(snapshot) ??
    allIsWell(snapshot, server)
  );
}

function lanTrouble({ lan }: Snapshot): Health | undefined {
  const broken = lan.filter((one) => one.problem !== undefined);
  if (lan.length > broken.length) return undefined;
  const [first] = broken;
  const why = first === undefined ? 'no LAN interface has an address yet' : `${first.name}: ${first.problem ?? ''}`;
  return bad(`Nobody on the LAN is served: ${why}.`);
}

const natTrouble = ({ wan }: Snapshot): Health | undefined =>
  wan.natProblem === undefined ? undefined : bad(`This box's own NAT does not do its part: ${wan.natProblem}.`);

function serverTrouble(snapshot: Snapshot, server: ServerView | undefined): Health | undefined {
  if (server === undefined)
    return bad(`No PCP server is known, so no port can be opened: ${snapshot.noServerBecause ?? 'none was found'}.`);
  const name = serverName(server);
  if (server.health === 'down') {
    const silent = `The PCP server ${name} has not answered for ${durationInWords(server.healthFor)}: no new port can be opened`;
    const open = snapshot.mappings.filter(isLive);
    const waiting = snapshot.mappings.filter((mapping) => mapping.state === 'waiting').length;
    const closed = `${countText(waiting, 'port')} ${waiting === 1 ? 'is' : 'are'} closed until it does`;
    if (open.length === 0) return bad(waiting === 0 ? `${silent}.` : `${silent}, and ${closed}.`);
    const first = Math.min(...open.map((mapping) => mapping.lifetimeLeft));
    const soonest = durationInWords(first as (typeof open)[number]['lifetimeLeft']);
    return bad(
      `${silent}, and ${countText(open.length, 'open port')} will begin to close in ${soonest} if it stays silent.`,
    );
  }
  if (server.health === 'unknown') return attention(`The PCP server ${name} was asked and has not answered yet.`);
  return undefined;
}

function diskTrouble({ diskProblem }: Snapshot): Health | undefined {
  if (diskProblem === undefined) return undefined;
  return diskProblem.refusesPorts
    ? bad(`No new port can be opened, because it could not be written to disk: ${diskProblem.what}.`)
    : attention(`Mappings will not survive a restart, because they cannot be written to disk: ${diskProblem.what}.`);
}

function worries(snapshot: Snapshot): Health | undefined {
  const unserved = snapshot.lan.find((one) => one.problem !== undefined);
  if (unserved !== undefined) return attention(`${unserved.name} is not served: ${unserved.problem ?? ''}.`);
  const restoring = snapshot.mappings.filter((mapping) => mapping.state === 'restoring').length;
  if (restoring > 0)
    return attention(
      `The PCP server lost its state: ${countText(restoring, 'port')} ${restoring === 1 ? 'is' : 'are'} being opened again.`,
    );
  const waiting = snapshot.mappings.filter((mapping) => mapping.state === 'waiting').length;
  if (waiting > 0)
    return bad(
      `${countText(waiting, 'port')} ${waiting === 1 ? 'is' : 'are'} closed: the PCP server was silent too long; it is being asked again.`,
    );
  const degraded = snapshot.mappings.filter((mapping) => mapping.state === 'degraded').length;
  if (degraded > 0)
    return attention(
      `${countText(degraded, 'port')} ${degraded === 1 ? 'is' : 'are'} open under another number than promised; the promised one is tried again.`,
    );
  const { externalAddress } = snapshot;
  if (externalAddress !== undefined && !snapshot.externalAddressIsPublic && !snapshot.isDemo) {
    return attention(
      `The external address ${externalAddress} is not a public one: there may be a further NAT, and strangers may not get through.`,
    );
  }
  if (snapshot.mappings.length >= snapshot.maxMappings)
    return attention(
      `All ${snapshot.maxMappings} mappings are in use: nobody gets a further port (policy.max_mappings).`,
    );
  return undefined;
}

function allIsWell(snapshot: Snapshot, server: ServerView | undefined): Health {
  const open = snapshot.mappings.filter(isLive).length;
  const where = snapshot.externalAddress === undefined ? '' : ` at ${snapshot.externalAddress}`;
  const ports = open === 0 ? 'no port is open' : `${countText(open, 'port')} ${open === 1 ? 'is' : 'are'} open`;
  const name = server === undefined ? '' : `${serverName(server)} `;
  return { level: 'good', sentence: `All is well: the PCP server ${name}answers, ${ports}${where}.` };
}

export const serverName = (server: ServerView): string => server.addresses[0] ?? server.id;

export const countText = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

/** The mapping whose renewal comes first: what people mean by "what happens next". */
export const nextRenewalOf = ({ mappings }: Snapshot): MappingView | undefined =>
  mappings
    .filter(isLive)
    .reduce<MappingView | undefined>(
      (first, view) => (first === undefined || view.renewIn < first.renewIn ? view : first),
      undefined,
    );
