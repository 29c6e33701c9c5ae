// What the control points of a scenario were told: each success of an Add, minus deletes and leases that ended. Answers
// that got lost with the connection leave a "perhaps", which is all a control point knows, too.

import { after, type Instant, seconds } from '../../src/base/time.ts';
import type { MappingView } from '../../src/operator/mapping-view.ts';
import type { SoapAnswer } from './control-point-soap.ts';
import type { Name, Wish } from './lan-wish.ts';
import type { VirtualClock } from './virtual-clock.ts';

export interface Promised {
  readonly protocol: 'TCP' | 'UDP';
  readonly externalPort: number;
  readonly remoteHost: string;
  readonly client: string;
  readonly internalPort: number;
  /** Undefined: as long as the host is there. */
  readonly endsAt: Instant | undefined;
  /** How much the log held when it was asked for: what it said before is about something else. */
  readonly logMark: number;
}

interface Asker {
  readonly address: string;
  readonly igd: 1 | 2;
}

/** WANIPConnection:2 §2.3.16: what lease 0 means there, and the most there is. */
const LONGEST_LEASE = 604_800;

export class Promises {
  readonly #clock: VirtualClock;
  readonly #logLength: () => number;
  readonly #held = new Map<string, Promised>();
  /** Asked, and the answer never came. */
  readonly #perhaps = new Set<string>();
  /** Of these, the ones that were to be made. */
  readonly #perhapsMade = new Set<string>();

  constructor(clock: VirtualClock, logLength: () => number) {
    this.#clock = clock;
    this.#logLength = logLength;
  }

  /** Those that are to be kept now. */
  inForce(): readonly Promised[] {
    const now = this.#clock.now();
    return [...this.#held.values()].filter(({ endsAt }) => endsAt === undefined || endsAt > now);
  }

  isPerhaps(protocol: string, externalPort: number): boolean {
    return this.#perhaps.has(`${protocol} ${externalPort}`) || this.#perhaps.has(`${protocol} any`);
  }

  /** An Add whose asker never heard: there may be a mapping, and nobody whose it is. */
  isPerhapsMade(protocol: string, externalPort: number): boolean {
    return this.#perhapsMade.has(`${protocol} ${externalPort}`) || this.#perhapsMade.has(`${protocol} any`);
  }

  /** `isAny`: the gateway chooses the port. */
  adding(asker: Asker, wish: Wish, answer: Promise<SoapAnswer>, isAny = false): Promise<SoapAnswer> {
    const protocol = wish.protocol ?? 'TCP';
    const logMark = this.#logLength();
    return answer.then((got) => {
      if (got.kind === 'broken') {
        this.#perhaps.add(`${protocol} ${isAny ? 'any' : wish.external}`);
        this.#perhapsMade.add(`${protocol} ${isAny ? 'any' : wish.external}`);
      }
      if (got.kind !== 'success') return got;
      const externalPort = Number(got.out.get('NewReservedPort') ?? wish.external);
      const remoteHost = wish.remoteHost ?? '';
      this.#held.set(keyOf(protocol, externalPort, remoteHost), {
        protocol,
        externalPort,
        remoteHost,
        client: wish.client ?? asker.address,
        internalPort: wish.internal ?? wish.external,
        endsAt: this.#leaseEnd(asker.igd, wish.lease ?? 3600),
        logMark,
      });
      return got;
    });
  }

  deleting(name: Name, answer: Promise<SoapAnswer>): Promise<SoapAnswer> {
    const protocol = name.protocol ?? 'TCP';
    return answer.then((got) => {
      // 501: it will go when the server lets it go (RFC 6970 §5.8); no answer: who knows.
      if (got.kind === 'success' || got.kind === 'broken' || got.code === 501) {
        this.#forget((held) => keyOf(protocol, name.external, name.remoteHost ?? '') === keyTextOf(held));
        if (got.kind !== 'success') this.#perhaps.add(`${protocol} ${name.external}`);
      }
      return got;
    });
  }

  deletingRange(
    asker: Asker,
    protocol: 'TCP' | 'UDP',
    first: number,
    last: number,
    answer: Promise<SoapAnswer>,
  ): Promise<SoapAnswer> {
    const isMeant = (held: Promised): boolean =>
      held.client === asker.address &&
      held.protocol === protocol &&
      held.externalPort >= first &&
      held.externalPort <= last;
    return answer.then((got) => {
      if (got.kind === 'success' || got.kind === 'broken') {
        if (got.kind === 'broken')
          for (const held of this.#held.values())
            if (isMeant(held)) this.#perhaps.add(`${protocol} ${held.externalPort}`);
        this.#forget(isMeant);
      }
      return got;
    });
  }

  /** The story took it away, and says so. */
  withdrawn(protocol: 'TCP' | 'UDP', externalPort: number): void {
    this.#forget((held) => held.protocol === protocol && held.externalPort === externalPort);
  }

  /** A control point that looks knows more than one that was cut off: what it sees is what it has. */
  doubtsAreSettledBy(table: readonly MappingView[]): void {
    for (const held of this.inForce()) {
      if (this.isPerhaps(held.protocol, held.externalPort)) this.withdrawn(held.protocol, held.externalPort);
    }
    for (const row of table) {
      if (row.action === 'operator' || !this.isPerhaps(row.protocol, row.externalPort)) continue;
      const { protocol, externalPort, remoteHost, internalPort, leaseLeft } = row;
      const endsAt = leaseLeft === undefined ? undefined : after(this.#clock.now(), leaseLeft);
      const held = { protocol, externalPort, remoteHost, client: row.internalClient, internalPort, endsAt };
      this.#held.set(keyOf(protocol, externalPort, remoteHost), { ...held, logMark: this.#logLength() });
    }
    this.#perhaps.clear();
    this.#perhapsMade.clear();
  }

  #forget(isMeant: (held: Promised) => boolean): void {
    for (const [key, held] of this.#held) if (isMeant(held)) this.#held.delete(key);
  }

  #leaseEnd(igd: 1 | 2, lease: number): Instant | undefined {
    if (lease === 0 && igd === 1) return undefined;
    const held = lease === 0 ? LONGEST_LEASE : igd === 2 ? Math.min(lease, LONGEST_LEASE) : lease;
    return after(this.#clock.now(), seconds(held));
  }
}

const keyOf = (protocol: string, port: number, remoteHost: string): string => `${protocol} ${port} ${remoteHost}`;
const keyTextOf = (held: Promised): string => keyOf(held.protocol, held.externalPort, held.remoteHost);
