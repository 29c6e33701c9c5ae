// NAT1 without a kernel, for tests and trials: the same ports, the same rules, the same timeouts, kept in a map.
// Rules end by themselves as kernel elements do.

import type { PortNumber } from '../../src/base/port-number.ts';
import { ok, type Result, refused } from '../../src/base/result.ts';
import { after, type Duration, type Instant } from '../../src/base/time.ts';
import type { TransportProtocol } from '../../src/base/transport-protocol.ts';
import type { LocalNat, Nat1Problem, Nat1Rule } from '../../src/interworking/local-nat.ts';
import { Nat1Ports } from '../../src/packet-filter/nat1-ports.ts';

export interface HeldNat1Rule {
  readonly rule: Nat1Rule;
  readonly validUntil: Instant;
}

export class LocalNatInMemory implements LocalNat {
  readonly #now: () => Instant;
  readonly #ports = new Nat1Ports();
  readonly #rules = new Map<string, HeldNat1Rule>();
  #problem: Nat1Problem | undefined;
  #isStopped = false;
  /** What a stopped nft was asked for, and has not done. */
  #waiting: (() => void)[] = [];
  /** About the external interface; undefined: nothing is in the way. */
  inTheWay: string | undefined;

  constructor(now: () => Instant) {
    this.#now = now;
  }

  /** Those in force, as the packet path would see them. */
  rules(): readonly HeldNat1Rule[] {
    return [...this.#rules.values()].filter((held) => held.validUntil > this.#now());
  }

  find(protocol: TransportProtocol, nat1Port: PortNumber): HeldNat1Rule | undefined {
    return this.rules().find((held) => held.rule.protocol === protocol && held.rule.nat1Port === nat1Port);
  }

  /** Every change fails like this until called with undefined. */
  failWith(problem: Nat1Problem | undefined): void {
    this.#problem = problem;
  }

  /** As a restart of this program leaves it: the kernel keeps its rules, the reservations are forgotten. */
  afterRestart(): LocalNatInMemory {
    const next = new LocalNatInMemory(this.#now);
    for (const [key, held] of this.#rules) next.#rules.set(key, held);
    return next;
  }

  obstacle(): string | undefined {
    return this.inTheWay;
  }

  /** From now on nothing is answered any more, as by an nft that was stopped. */
  stop(): void {
    this.#isStopped = true;
  }

  goOn(): void {
    this.#isStopped = false;
    for (const work of this.#waiting.splice(0)) work();
  }

  async reserve(protocol: TransportProtocol, wished: PortNumber): Promise<PortNumber | undefined> {
    return this.#ports.reserve(protocol, wished);
  }

  reserveExactly(protocol: TransportProtocol, port: PortNumber): boolean {
    return this.#ports.reserveExactly(protocol, port);
  }

  unreserve(protocol: TransportProtocol, port: PortNumber): void {
    this.#ports.unreserve(protocol, port);
  }

  async apply(rule: Nat1Rule, validFor: Duration): Promise<Result<void, Nat1Problem>> {
    if (this.#isStopped) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#problem !== undefined) return refused(this.#problem);
    this.#rules.set(keyOf(rule), { rule, validUntil: after(this.#now(), validFor) });
    return ok(undefined);
  }

  async remove(rule: Nat1Rule): Promise<Result<void, Nat1Problem>> {
    if (this.#problem !== undefined) return refused(this.#problem);
    this.#rules.delete(keyOf(rule));
    return ok(undefined);
  }
}

const keyOf = (rule: Nat1Rule): string => `${rule.protocol} ${rule.nat1Port}`;
