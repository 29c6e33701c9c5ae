// The check at the end of each story: the daemon's table, the carrier's table, the kernel's NAT and what control points
// were told and can read are one and the same. Empty: they agree.

import { between, type Instant, inSeconds, milliseconds, seconds } from '../../src/base/time.ts';
import { transportProtocolOf } from '../../src/base/transport-protocol.ts';
import type { MappingView } from '../../src/operator/mapping-view.ts';
import type { MapWireRequest } from '../../src/pcp/wire/pcp-request.ts';
import { internalKeyText, type SimulatedMapping } from '../../src/simulator/served-mappings.ts';
import type { DaemonWorld } from './daemon-world.ts';
import type { Promised } from './promises-made.ts';
import type { ScenarioCarrier } from './scenario-carrier.ts';

/** Packets that were sent so long before a kill have come in. */
const UNDER_WAY = seconds(30);
/** How far two clocks that count the same seconds may be apart: both round. */
const ROUNDING = seconds(2);

export async function disagreements(
  world: DaemonWorld,
  carrier: ScenarioCarrier = world.carrier,
): Promise<readonly string[]> {
  // The kernel is written once a tick, behind the answer to a delete.
  await world.passes(milliseconds(1));
  const table = world.table();
  return [
    ...(await listingsAgainstTable(world, table)),
    ...carrierAgainstTable(world, carrier, table),
    ...(world.nat === 'nftables' ? kernelAgainstTable(world, table) : []),
    ...promisesAgainstTable(world, table),
  ];
}

const keyOf = (row: { protocol: string; externalPort: number; remoteHost: string }): string =>
  `${row.protocol} ${row.externalPort}${row.remoteHost === '' ? '' : ` from ${row.remoteHost}`}`;

function difference(what: string, one: readonly string[], other: readonly string[]): readonly string[] {
  const [left, right] = [new Set(one), new Set(other)];
  return [
    ...[...left].filter((text) => !right.has(text)).map((text) => `only in ${what.split(' / ')[0]}: ${text}`),
    ...[...right].filter((text) => !left.has(text)).map((text) => `only in ${what.split(' / ')[1]}: ${text}`),
  ];
}

/** Each computer is shown its own; one of another network is not let in. */
async function listingsAgainstTable(world: DaemonWorld, table: readonly MappingView[]): Promise<readonly string[]> {
  const network = world.lanAddress.replace(/\d+$/, '');
  const clients = new Set(table.map(({ internalClient }) => internalClient));
  const problems: string[] = [];
  for (const client of [...clients].filter((address) => address.startsWith(network))) {
    const listing = await world.looker(client).listing();
    const own = table.filter(({ internalClient }) => internalClient === client);
    problems.push(...listingAgainstTable(listing, own));
  }
  return problems;
}

function listingAgainstTable(
  listing: readonly ReadonlyMap<string, string>[],
  table: readonly MappingView[],
): readonly string[] {
  const listed = listing.map(
    (entry) =>
      `${entry.get('NewProtocol')} ${entry.get('NewExternalPort')} ${entry.get('NewRemoteHost')} → ` +
      `${entry.get('NewInternalClient')}:${entry.get('NewInternalPort')}`,
  );
  const held = table.map(
    (row) => `${row.protocol} ${row.externalPort} ${row.remoteHost} → ${row.internalClient}:${row.internalPort}`,
  );
  return difference('what control points read / the table', listed, held);
}

/** The address of the internal side as the carrier knows it. */
const internalAddressOf = (world: DaemonWorld, row: MappingView): string =>
  row.nat1Port === undefined ? row.internalClient : (world.wanAddress ?? 'nowhere');

function carrierAgainstTable(
  world: DaemonWorld,
  carrier: ScenarioCarrier,
  table: readonly MappingView[],
): readonly string[] {
  const mappings = carrier.mappings().filter((mapping) => !isOrphan(world, mapping));
  const here = table.map((row) => {
    const key = `${row.protocol} ${internalAddressOf(world, row)} ${row.nat1Port ?? row.internalPort}`;
    return `${key} at ${row.assignedPort} of ${row.externalAddress}`;
  });
  const there = mappings.map(
    (mapping) => `${internalKeyText(mapping)} at ${mapping.externalPort} of ${mapping.externalAddress.text}`,
  );
  const now = world.clock.now();
  const overestimated = table.flatMap((row) => {
    const mapping = mappings.find((held) => held.externalPort === row.assignedPort && held.protocol === row.protocol);
    const isLess = mapping?.expiresAt !== undefined && mapping.expiresAt - now + ROUNDING < row.lifetimeLeft;
    return isLess ? [`the carrier keeps ${keyOf(row)} for less than is believed here`] : [];
  });
  return [...difference('the table / the carrier', here, there), ...overestimated];
}

/**
 * Minutes after everybody is well again, long before grants run out: what is said to be open is open, and nothing else.
 * Not looked at: entries that are still being mended, and what the carrier keeps for WAN addresses of the past.
 * `orphans`: nonces of mappings whose request was under way when the daemon was killed. Releases are owed, and no excuse.
 * `moved`: places whose mapping the carrier moved or took away: what it said of that may have got lost.
 */
export function leaksAndLosses(
  world: DaemonWorld,
  orphans: ReadonlySet<string>,
  moved: ReadonlySet<string>,
): readonly string[] {
  const table = world.table();
  const theirs = world.carrier.mappings().filter((mapping) => isOfThisBox(world, mapping));
  const known = new Set(table.map((row) => placeOf(world, row)));
  const open = new Set(theirs.map((mapping) => `${internalKeyText(mapping)} at ${mapping.externalPort}`));
  const leaked = theirs.filter((mapping) => !known.has(internalKeyText(mapping)) && !orphans.has(mapping.nonce ?? ''));
  const lost = table.filter(
    (row) =>
      row.state === 'granted' &&
      !moved.has(placeOf(world, row)) &&
      !open.has(`${placeOf(world, row)} at ${row.assignedPort}`),
  );
  return [
    ...leaked.map((mapping) => `the carrier has ${internalKeyText(mapping)}, which nobody here knows of`),
    ...lost.map((row) => `${keyOf(row)} is said to be open, and is not`),
  ];
}

/** Right after a kill: what the carrier has been asked for, or will be when it comes in, and the daemon cannot know of. */
export function orphanedNonces(world: DaemonWorld): readonly string[] {
  const known = new Set(world.table().map((row) => placeOf(world, row)));
  const isRecent = (at: Instant): boolean => between(at, world.clock.now()) < UNDER_WAY;
  const asked = world.carrier.takeMaps().filter(({ at, request }) => isRecent(at) && !known.has(placeAsked(request)));
  return asked.filter(({ request }) => request.lifetimeSeconds > 0).map(({ request }) => request.nonce);
}

function placeAsked({ protocol, clientAddress, internalPort, options }: MapWireRequest): string {
  const thirdParty = options.find((option) => option.kind === 'third party')?.internalAddress;
  return `${transportProtocolOf(protocol)} ${(thirdParty ?? clientAddress).text} ${internalPort}`;
}

/** As the carrier names it. */
const placeOf = (world: DaemonWorld, row: MappingView): string =>
  `${row.protocol} ${internalAddressOf(world, row)} ${row.nat1Port ?? row.internalPort}`;

const isOfThisBox = (world: DaemonWorld, { internalAddress }: SimulatedMapping): boolean =>
  world.nat === 'none' || internalAddress.text === world.wanAddress;

/**
 * Its request was in flight when the daemon was killed: nobody knows of it any more, and it ends by itself. A deletion in
 * flight is no such excuse: it is owed, and done by the next life.
 */
const isOrphan = (world: DaemonWorld, { protocol, externalPort }: SimulatedMapping): boolean =>
  world.promises.isPerhapsMade(protocol, externalPort) &&
  world.table().every((row) => row.protocol !== protocol || row.assignedPort !== externalPort);

function kernelAgainstTable(world: DaemonWorld, table: readonly MappingView[]): readonly string[] {
  const wan = world.wanAddress ?? 'nowhere';
  world.nft.now = world.clock.now();
  const open = [...elements(world, 'in'), ...elements(world, 'in_from')];
  const wanted = table.map((row) => {
    const from = row.remoteHost === '' ? '' : `${row.remoteHost} . `;
    const key = `${from}${wan} . ${row.protocol.toLowerCase()} . ${row.nat1Port}`;
    return `${key} → ${row.internalClient} . ${row.internalPort}`;
  });
  // RFC 6970 §5.5: NAT1 must not forget before the carrier does.
  const early = table.flatMap((row) => {
    if (row.remoteHost !== '') return [];
    const left = world.nft.secondsLeft('in', `${wan} . ${row.protocol.toLowerCase()} . ${row.nat1Port}`);
    return left + inSeconds(ROUNDING) < inSeconds(row.lifetimeLeft) ? [`NAT1 forgets ${keyOf(row)} too early`] : [];
  });
  return [...difference('the table / the kernel', wanted, open), ...early];
}

const elements = (world: DaemonWorld, map: string): readonly string[] =>
  Object.entries(world.nft.elements(map)).map(([key, value]) => `${key} → ${value}`);

function promisesAgainstTable(world: DaemonWorld, table: readonly MappingView[]): readonly string[] {
  const rows = new Map(table.map((row) => [keyOf(row), row]));
  const promised = world.promises.inForce();
  const otherTerms = promised.flatMap((promise) => {
    const row = rows.get(keyOf(promise));
    // Other terms that were asked for and not answered may be in force or not.
    if (row === undefined || world.promises.isPerhaps(promise.protocol, promise.externalPort)) return [];
    if (row.internalPort !== promise.internalPort)
      return [`${keyOf(row)} was promised to port ${promise.internalPort}, and leads to ${row.internalPort}`];
    const leaseLeft = promise.endsAt === undefined ? undefined : promise.endsAt - world.clock.now();
    const isSame =
      leaseLeft === undefined || row.leaseLeft === undefined
        ? leaseLeft === row.leaseLeft
        : Math.abs(leaseLeft - row.leaseLeft) <= ROUNDING;
    return isSame ? [] : [`the lease of ${keyOf(row)} is ${row.leaseLeft}, promised was ${leaseLeft}`];
  });
  const kept = new Set(promised.map(keyOf));
  const unasked = table
    .filter((row) => row.action !== 'operator' && row.state !== 'deleting' && !kept.has(keyOf(row)))
    .filter((row) => !world.promises.isPerhaps(row.protocol, row.externalPort) && !hasMoved(world, row))
    .map((row) => `nobody was told that it has ${keyOf(row)}`);
  return [...brokenPromises(world), ...otherTerms, ...unasked];
}

/** True at any moment: what a control point was told to have is there and leads to it, or the log says why not. */
export function brokenPromises(world: DaemonWorld): readonly string[] {
  const rows = new Map(world.table().map((row) => [keyOf(row), row]));
  return world.promises.inForce().flatMap((promise) => {
    const row = rows.get(keyOf(promise));
    const isOfSameClient = row?.internalClient === promise.client;
    if (isOfSameClient && row.internalPort === promise.internalPort) return [];
    const { protocol, externalPort } = promise;
    // Another entry of the same client may have taken the port over, but only after the log said that this one has left it.
    if (isSaidInLog(world, promise) || (!isOfSameClient && world.promises.isPerhaps(protocol, externalPort))) {
      world.promises.withdrawn(protocol, externalPort);
      return [];
    }
    // Other terms, the answer to which may be on its way: they are compared when everybody is calm.
    if (isOfSameClient) return [];
    return row === undefined
      ? [`promised, gone without a word: ${keyOf(promise)}`]
      : [`promised to ${promise.client}, but ${keyOf(row)} leads to ${row.internalClient}`];
  });
}

/** Nothing may go before its time without an entry in the log that says why (RFC 6970 §5.9: the only way to tell). */
function isSaidInLog(world: DaemonWorld, promise: Promised): boolean {
  const target = `${promise.client}:${promise.internalPort}`;
  const what = `${promise.protocol} ${promise.externalPort} `;
  const ended = world.logged(/"event":"(lost|host gone|deleted)"/, promise.logMark);
  const moved = world.logged(/ moved from .*port /, promise.logMark);
  return (
    ended.some((line) => line.includes(what) && line.includes(target)) ||
    moved.some((line) => line.includes(target) && line.includes(` port ${promise.externalPort} to `))
  );
}

/** An entry of AddAnyPortMapping follows its mapping to another port, which is evented and logged (RFC 6887 §11.2.1). */
const hasMoved = (world: DaemonWorld, row: MappingView): boolean => {
  const what = `${keyOf(row)} → ${row.internalClient}:${row.internalPort} moved from `;
  return world.logged(/ moved from .*port /).some((line) => line.includes(what));
};
