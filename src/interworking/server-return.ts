// A server that was silent may be back, and nobody has noticed: who asks now would be refused for nothing. So it is asked
// once more first, for a moment, before a control point hears 501 or "Disconnected" (RFC 6970 §5.1).

import { after, type Instant, seconds } from '../base/time.ts';
import type { Alarms } from './alarms.ts';
import type { PcpService } from './pcp-service.ts';

interface Surroundings {
  readonly pcp: Pick<PcpService, 'health' | 'seek'>;
  readonly now: () => Instant;
}

/** Longer than a round trip to any carrier, shorter than a person notices. */
const MOMENT = seconds(1);

export class ServerReturn {
  readonly #context: Surroundings;
  readonly #alarms: Alarms;
  #back = new AbortController();

  constructor(context: Surroundings, alarms: Alarms) {
    this.#context = context;
    this.#alarms = alarms;
  }

  /** Settles when the server was heard, or when there is no more use in waiting. */
  async awaited(): Promise<void> {
    const { pcp, now } = this.#context;
    if (pcp.health() !== 'down' || !pcp.seek()) return;
    await this.#alarms.until(after(now(), MOMENT), 'see whether the PCP server is back', this.#back.signal);
  }

  healthChanged(): void {
    if (this.#context.pcp.health() === 'down') return;
    this.#back.abort('back');
    this.#back = new AbortController();
  }
}
