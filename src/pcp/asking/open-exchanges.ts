// The requests under way with one server: found by what a response names (RFC 6887 §11.4) and by when they are due.

import { PriorityQueue } from '../../base/priority-queue.ts';
import type { Instant } from '../../base/time.ts';
import { type Exchange, taskKey } from './exchange.ts';
import type { MapKey } from './map-request.ts';
import { baseKeyText } from './map-request.ts';
import type { MappingNonce } from './mapping-nonce.ts';

export class OpenExchanges {
  readonly #byBase = new Map<string, Exchange[]>();
  readonly #byId = new Map<number, Exchange>();
  readonly #due = new PriorityQueue<Exchange>();

  get size(): number {
    return this.#due.size;
  }

  all(): readonly Exchange[] {
    return [...this.#byBase.values()].flat();
  }

  add(exchange: Exchange): void {
    const base = baseKeyText(taskKey(exchange.task));
    const siblings = this.#byBase.get(base);
    if (siblings === undefined) this.#byBase.set(base, [exchange]);
    else siblings.push(exchange);
    if (exchange.task.id !== undefined) this.#byId.set(exchange.task.id, exchange);
    this.#due.set(exchange, exchange.dueAt);
  }

  /** To be called whenever `dueAt` changed. */
  reschedule(exchange: Exchange): void {
    if (this.#due.rankOf(exchange) !== undefined) this.#due.set(exchange, exchange.dueAt);
  }

  remove(exchange: Exchange): void {
    const base = baseKeyText(taskKey(exchange.task));
    const rest = (this.#byBase.get(base) ?? []).filter((other) => other !== exchange);
    if (rest.length === 0) this.#byBase.delete(base);
    else this.#byBase.set(base, rest);
    if (exchange.task.id !== undefined) this.#byId.delete(exchange.task.id);
    this.#due.delete(exchange);
  }

  isOpen(exchange: Exchange): boolean {
    return this.#due.rankOf(exchange) !== undefined;
  }

  withId(id: number): Exchange | undefined {
    return this.#byId.get(id);
  }

  withKey(key: MapKey): Exchange | undefined {
    return this.matching(baseKeyText(key), key.nonce)[0];
  }

  /** Without a nonce, all that share the base key. */
  matching(base: string, nonce: MappingNonce | undefined): readonly Exchange[] {
    const siblings = this.#byBase.get(base) ?? [];
    return nonce === undefined ? siblings : siblings.filter((exchange) => taskKey(exchange.task).nonce === nonce);
  }

  firstDue(now: Instant): Exchange | undefined {
    const first = this.#due.first();
    return first !== undefined && first.rank <= now ? first.key : undefined;
  }

  first(): Exchange | undefined {
    return this.#due.first()?.key;
  }
}
