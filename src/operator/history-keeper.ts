// Tells what happens: one log line, one entry of the day's history and one live event are the same sentence.

import type { Clock } from '../base/host.ts';
import type { Log } from '../base/log.ts';
import { after, type Duration, type Instant, minutes } from '../base/time.ts';
import type { MappingChanges } from '../mapping/mapping.ts';
import { type DayView, EventHistory, type EventKind, type OperatorEvent } from './event-history.ts';
import { mappingEvent, type NameOfHost } from './mapping-event.ts';
import type { OperatorListener } from './operator-source.ts';

/** Browsers with the page open, `igd2pcp watch`: each holds one. */
const MAX_LISTENERS = 64;
/** A client that asks without end must not fill the log and push the day's news out: so many refusals, then their number. */
const REFUSALS_PER_MINUTE = 20;

export class HistoryKeeper {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #nameOfHost: NameOfHost;
  readonly #history = new EventHistory();
  readonly #listeners = new Set<OperatorListener>();
  #refusals = 0;
  #refusalsUntil: Instant;

  constructor(clock: Clock, log: Log, nameOfHost: NameOfHost) {
    this.#clock = clock;
    this.#log = log;
    this.#nameOfHost = nameOfHost;
    this.#refusalsUntil = clock.now();
  }

  tell(kind: EventKind, level: OperatorEvent['level'], text: string, host?: string): void {
    this.#happened({ at: this.#clock.wallTime(), kind, level, text, ...(host === undefined ? {} : { host }) });
  }

  refused(text: string, host: string): void {
    const now = this.#clock.now();
    if (now >= this.#refusalsUntil) {
      if (this.#refusals > REFUSALS_PER_MINUTE)
        this.tell('refused', 'warn', `${this.#refusals - REFUSALS_PER_MINUTE} more requests were refused`);
      this.#refusals = 0;
      this.#refusalsUntil = after(now, minutes(1));
    }
    this.#refusals += 1;
    if (this.#refusals <= REFUSALS_PER_MINUTE) this.tell('refused', 'info', text, host);
  }

  tableChanged(changes: MappingChanges): void {
    for (const change of changes) {
      const event = mappingEvent(change, this.#clock.wallTime(), this.#nameOfHost);
      if (event !== undefined) this.#happened(event);
    }
    this.changed();
  }

  /** Something on the pages is no longer what it was. */
  changed(): void {
    for (const listener of this.#listeners) listener.changed();
  }

  sample(mappings: number, roundTrip: Duration | undefined): void {
    this.#history.sample({ at: this.#clock.wallTime(), mappings, roundTrip });
  }

  lastDay(): DayView {
    return this.#history.view(this.#clock.wallTime());
  }

  listen(listener: OperatorListener): () => void {
    if (this.#listeners.size >= MAX_LISTENERS) return () => {};
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #happened(event: OperatorEvent): void {
    this.#history.add(event);
    this.#log[event.level](event.text, { event: event.kind });
    for (const listener of this.#listeners) listener.happened(event);
  }
}
