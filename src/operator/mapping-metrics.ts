// Reads renewals, ends and recoveries off the table's changes, for the metrics: nobody has to report them.

import { between, type Instant } from '../base/time.ts';
import { type MappingChange, type MappingChanges, mappingKeyText } from '../mapping/mapping.ts';
import type { Metrics } from './metrics.ts';

export class MappingMetrics {
  readonly #metrics: Metrics;
  /** What the server may have forgotten and was not mapped again yet. */
  readonly #restoring = new Set<string>();
  #recoveryBeganAt: Instant | undefined;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  tableChanged(changes: MappingChanges, now: Instant): void {
    for (const change of changes) this.#count(change);
    if (this.#restoring.size > 0) {
      this.#recoveryBeganAt ??= now;
    } else if (this.#recoveryBeganAt !== undefined) {
      this.#metrics.recovered(between(this.#recoveryBeganAt, now));
      this.#recoveryBeganAt = undefined;
    }
  }

  #count(change: MappingChange): void {
    const key = mappingKeyText(change.mapping);
    if (change.kind === 'removed') {
      this.#restoring.delete(key);
      this.#metrics.mappingRemoved(change.reason);
      return;
    }
    if (change.mapping.state === 'restoring') this.#restoring.add(key);
    else this.#restoring.delete(key);
    if (change.kind === 'updated') {
      const now = change.mapping.upstream;
      const then = change.previous.upstream;
      if (now.grantedAt > then.grantedAt) this.#metrics.renewed('granted');
      // The next window of RFC 6887 §11.2.1 without a grant: this one brought none.
      else if (now.window > then.window) this.#metrics.renewed('not granted');
    }
  }
}
