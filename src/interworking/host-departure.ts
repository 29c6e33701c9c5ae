// Which internal clients are gone (RFC 6970 §5.10; RFC 6887 §13.1): the address lease ended or was released, the
// address went to another MAC, or nobody has seen the host for long. Values in, addresses out; nothing is deleted here.

import { IpAddress } from '../base/ip-address.ts';
import { after, type Duration, type Instant, type WallTime, wallTime } from '../base/time.ts';
import { endMapping } from './close-port.ts';
import type { Interworking } from './interworking.ts';

export interface SeenNeighbour {
  readonly address: IpAddress;
  readonly mac: string;
  readonly isReachable: boolean;
}

export interface HostObservation {
  /** The lease file; undefined: there is none, or it could not be read. */
  readonly leases: string | undefined;
  readonly neighbours: readonly SeenNeighbour[];
  /** Of this box: no neighbour of itself, and never gone. */
  readonly ownAddresses: readonly IpAddress[];
}

interface DepartedHost {
  readonly address: string;
  readonly why: string;
  /** Its address lease or its MAC says so; otherwise only silence does. */
  readonly isCertain: boolean;
}

interface HostPatience {
  /** Reboots, roaming between access points, a lease file being rewritten. */
  readonly grace: Duration;
  /** For hosts with a fixed address, which nothing but their silence tells of. */
  readonly unseen: Duration;
}

interface Evidence {
  readonly lease: DhcpLease | undefined;
  readonly canReadLeases: boolean;
  readonly neighbour: SeenNeighbour | undefined;
  /** An empty neighbour table tells of a view that is blocked, not of an empty house. */
  readonly canSeeAnybody: boolean;
}

interface Sign {
  readonly why: string;
  readonly isCertain: boolean;
  /** Somebody else has the address now, and would get what the first one's ports bring. */
  readonly isSomebodyElse: boolean;
}

interface Watched {
  /** By the address lease, and as seen on the wire: behind a repeater the two differ. */
  leaseMac: string | undefined;
  seenMac: string | undefined;
  hadLease: boolean;
  lastSeenAt: Instant;
  suspect: (Sign & { readonly since: Instant }) | undefined;
}

export class HostDeparture {
  /** By address; only clients with mappings are watched, so the table's cap is this one's. */
  readonly #watched = new Map<string, Watched>();
  readonly #patience: HostPatience;

  constructor(patience: HostPatience) {
    this.#patience = patience;
  }

  /** `clients`: those that have mappings. Each departed one is told once. */
  observe(
    observation: HostObservation,
    clients: Iterable<string>,
    now: Instant,
    wall: WallTime,
  ): readonly DepartedHost[] {
    const leases = leasesInForce(observation.leases, wall);
    const neighbours = new Map(observation.neighbours.map((seen) => [seen.address.text, seen]));
    const own = new Set(observation.ownAddresses.map((address) => address.text));
    const present = new Set([...clients].filter((address) => !own.has(address)));
    for (const address of [...this.#watched.keys()]) if (!present.has(address)) this.#watched.delete(address);
    const departed: DepartedHost[] = [];
    for (const address of present) {
      const host = this.#watch(address, now);
      const evidence = {
        lease: leases?.get(address),
        canReadLeases: leases !== undefined,
        neighbour: neighbours.get(address),
        canSeeAnybody: neighbours.size > 0,
      };
      const sign = this.#signOfLeaving(host, evidence, now);
      if (sign === undefined) {
        host.suspect = undefined;
        continue;
      }
      host.suspect ??= { since: now, ...sign };
      if (!sign.isSomebodyElse && now < after(host.suspect.since, this.#patience.grace)) continue;
      departed.push({ address, why: sign.why, isCertain: sign.isCertain });
      this.#watched.delete(address);
    }
    return departed;
  }

  #watch(address: string, now: Instant): Watched {
    const known = this.#watched.get(address);
    if (known !== undefined) return known;
    const fresh: Watched = {
      leaseMac: undefined,
      seenMac: undefined,
      hadLease: false,
      lastSeenAt: now,
      suspect: undefined,
    };
    this.#watched.set(address, fresh);
    return fresh;
  }

  #signOfLeaving(host: Watched, evidence: Evidence, now: Instant): Sign | undefined {
    const { lease, canReadLeases, neighbour, canSeeAnybody } = evidence;
    const isSeen = neighbour?.isReachable === true;
    if (isSeen || !canSeeAnybody) host.lastSeenAt = now;
    const seenMac = isSeen ? neighbour.mac.toLowerCase() : undefined;
    const otherMac = otherOwner(host, lease?.mac, seenMac);
    if (otherMac !== undefined) {
      const before = host.leaseMac ?? host.seenMac;
      return { why: `its address went from ${before} to ${otherMac}`, isCertain: true, isSomebodyElse: true };
    }
    host.leaseMac ??= lease?.mac;
    host.seenMac = seenMac ?? host.seenMac;
    if (lease !== undefined) {
      host.hadLease = true;
      return undefined;
    }
    // A host that had a lease and has none any more has left, unless it is plainly still there with that address.
    if (host.hadLease && canReadLeases && !isSeen)
      return { why: 'its address lease ended', isCertain: true, isSomebodyElse: false };
    if (!host.hadLease && now >= after(host.lastSeenAt, this.#patience.unseen))
      return { why: 'nobody has seen it for long', isCertain: false, isSomebodyElse: false };
    return undefined;
  }
}

/** Like is held against like: a lease knows the host itself, the wire may show a repeater. The lease counts for more. */
function otherOwner(host: Watched, leaseMac: string | undefined, seenMac: string | undefined): string | undefined {
  if (leaseMac === undefined) {
    const isOther = seenMac !== undefined && host.seenMac !== undefined && seenMac !== host.seenMac;
    return isOther ? seenMac : undefined;
  }
  if (host.leaseMac !== undefined) return leaseMac === host.leaseMac ? undefined : leaseMac;
  // A first lease for an address that was used without one.
  const isOther = host.seenMac !== undefined && seenMac === leaseMac && host.seenMac !== leaseMac;
  return isOther ? leaseMac : undefined;
}

function leasesInForce(text: string | undefined, wall: WallTime): ReadonlyMap<string, DhcpLease> | undefined {
  if (text === undefined) return undefined;
  const leases = parseDhcpLeases(text).filter((lease) => lease.endsAt === undefined || lease.endsAt > wall);
  return new Map(leases.map((lease) => [lease.address.text, lease]));
}

// Takes the mappings away of hosts that have left (RFC 6970 §5.10). How that is known: `host-departure.ts`.

export function letGoOfDeparted(iw: Interworking, hosts: HostDeparture, observation: HostObservation): void {
  if (iw.table.size === 0) return;
  letGo(iw, hosts.observe(observation, [...iw.table.clients()], iw.now(), iw.wallTime()));
}

/** All mappings bound to the address go, here as one change. */
function letGo(iw: Interworking, departed: readonly DepartedHost[]): void {
  const { table } = iw;
  const gone = departed.flatMap((host) => {
    const mappings = [...table.all()].filter((mapping) => mapping.internalClient.text === host.address);
    // Silence alone is no proof: what ends by itself may as well do so.
    return mappings
      .filter((mapping) => host.isCertain || mapping.leaseEndsAt === undefined)
      .map((mapping) => ({ mapping, why: host.why }));
  });
  table.batch(() => {
    for (const { mapping, why } of gone) endMapping(iw, mapping, 'host gone', why);
  });
}

// dnsmasq's lease file as text: one line per lease, "expiry mac address name client-id"; expiry 0 is for ever.

interface DhcpLease {
  readonly address: IpAddress;
  readonly mac: string;
  /** Undefined: for ever. */
  readonly endsAt: WallTime | undefined;
}

/** Lines that are no IPv4 lease (DHCPv6, the server's DUID, a half-written last line) are skipped. */
export function parseDhcpLeases(text: string): readonly DhcpLease[] {
  return text.split('\n').flatMap((line) => {
    const [ends = '', mac = '', addressText = '', name] = line.trim().split(/\s+/);
    const address = IpAddress.parse(addressText);
    if (!/^\d{1,12}$/.test(ends) || address === undefined || !address.isIPv4 || name === undefined) return [];
    const seconds = Number(ends);
    return [{ address, mac: mac.toLowerCase(), endsAt: seconds === 0 ? undefined : wallTime(seconds * 1000) }];
  });
}
