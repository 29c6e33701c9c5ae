// Keeps in touch with one server: asks whether it is there, moves to its next address when one is silent or refuses
// (RFC 7488 §3), and lets the requests know.

import type { Endpoint } from '../../base/ip-address.ts';
import type { Wake } from '../../base/machine.ts';
import type { Instant } from '../../base/time.ts';
import type { ClientOutput } from './client-output.ts';
import type { Requests } from './requests.ts';
import { NOTHING, type Outputs, type ServerContext } from './server-context.ts';

export class Presence {
  readonly #context: ServerContext;
  readonly #requests: Requests;

  constructor(context: ServerContext, requests: Requests) {
    this.#context = context;
    this.#requests = requests;
  }

  nextWake(): Wake | undefined {
    return this.#context.liveness.nextWake(this.#requests.isWatched);
  }

  /** `isAnswered`: what came settles the question that is open, if any. */
  heard(now: Instant, isAnswered: boolean): Outputs {
    const { liveness, choice, unit } = this.#context;
    const wasDown = liveness.health === 'down';
    liveness.heard(now, unit(), isAnswered);
    choice.answered();
    const resumed = wasDown ? this.#requests.sendAllAgain(now) : NOTHING;
    return [...resumed, ...this.#requests.withdrawAll(now), ...this.probeIfDue(now)];
  }

  /**
   * An ICMP error came. RFC 7488 §3 moves on to the next address at once; but anybody can forge one (RFC 5927 §2), so where
   * the server has answered it only makes us ask sooner. The usual silence decides then.
   */
  unreachable(endpoint: Endpoint, now: Instant): Outputs {
    const { choice, liveness } = this.#context;
    if (!choice.isActive(endpoint)) return NOTHING;
    if (liveness.health === 'down') return this.#requests.serverWentDown(now);
    if (!liveness.hasAnswered) return [...this.addressFailed(now), ...this.probeIfDue(now)];
    liveness.doubt(now);
    this.#requests.hurry(now);
    return this.probeIfDue(now);
  }

  addressFailed(now: Instant): Outputs {
    const { choice, liveness } = this.#context;
    if (choice.next()) {
      liveness.restart(now);
      return this.#requests.sendAllAgain(now);
    }
    liveness.wentDown(now);
    return this.#requests.serverWentDown(now);
  }

  probeIfDue(now: Instant): Outputs {
    const { choice, counters, liveness, knowledge, unit } = this.#context;
    const rule = knowledge.dialect.retransmission;
    const outputs: ClientOutput[] = [];
    for (;;) {
      const action = liveness.due(now, this.#requests.isWatched, rule);
      const active = choice.active;
      if (action === 'nothing' || active === undefined) return outputs;
      if (action === 'address failed') {
        outputs.push(...this.addressFailed(now));
        continue;
      }
      counters.sent('announce', false);
      liveness.sent(now, rule, unit());
      outputs.push({ kind: 'transmit', to: active.endpoint, bytes: knowledge.dialect.encodeProbe(active.source) });
    }
  }
}
