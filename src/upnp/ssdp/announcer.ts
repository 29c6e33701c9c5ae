// When a LAN hears that we are here and that we leave (UDA 1.1 §1.2): a byebye set for what an earlier run may have
// left behind, the alive set three times, refreshes well before it goes stale, and a byebye set on every stop.

import type { RandomSource } from '../../base/host.ts';
import type { Machine, Wake } from '../../base/machine.ts';
import type { SsdpMessage } from '../../base/ssdp-socket.ts';
import { after, type Duration, type Instant, milliseconds, scale } from '../../base/time.ts';
import { type AdvertisedRoot, advertisementsOf } from './advertised-root.ts';
import { aliveMessage, byebyeMessage, MAX_AGE, type SsdpSpeaker } from './ssdp-messages.ts';

export interface AnnouncerOutput {
  readonly kind: 'multicast';
  readonly message: SsdpMessage;
}

type State =
  | { readonly state: 'silent' }
  | { readonly state: 'clearing'; readonly at: Instant }
  | { readonly state: 'announcing'; readonly at: Instant; readonly setsLeft: number }
  | { readonly state: 'announced'; readonly at: Instant };

/** UDA 1.1 §1.2.2: the first set waits 0–100 ms, lest all devices of a house speak at once after a power cut. */
const FIRST_WAIT_AT_MOST = milliseconds(100);
/** UDA 1.1 §1.2.2: more than once, not more than three times, "spaced by a few hundred milliseconds". */
const SETS = 3;
const SPACING_AT_LEAST = milliseconds(200);
const SPACING_SPREAD = milliseconds(300);

export class Announcer implements Machine<AnnouncerOutput> {
  readonly #speaker: SsdpSpeaker;
  readonly #roots: readonly AdvertisedRoot[];
  readonly #random: Pick<RandomSource, 'unit'>;
  #state: State = { state: 'silent' };

  constructor(speaker: SsdpSpeaker, roots: readonly AdvertisedRoot[], random: Pick<RandomSource, 'unit'>) {
    this.#speaker = speaker;
    this.#roots = roots;
    this.#random = random;
  }

  handleStart(now: Instant): readonly AnnouncerOutput[] {
    this.#state = { state: 'clearing', at: after(now, scale(FIRST_WAIT_AT_MOST, this.#random.unit())) };
    return [];
  }

  handleStop(_now: Instant): readonly AnnouncerOutput[] {
    if (this.#state.state === 'silent') return [];
    this.#state = { state: 'silent' };
    return this.#byebyeSet();
  }

  nextWake(): Wake | undefined {
    switch (this.#state.state) {
      case 'silent':
        return undefined;
      case 'clearing':
      case 'announcing':
        return { at: this.#state.at, why: 'announce the gateway' };
      case 'announced':
        return { at: this.#state.at, why: 'announce the gateway again' };
    }
  }

  handleTimeout(now: Instant): readonly AnnouncerOutput[] {
    if (this.#state.state === 'silent' || this.#state.at > now) return [];
    if (this.#state.state === 'clearing') {
      // WANIPConnection:2 §2.6: byebye before the first alive, because an earlier run may have died without one.
      this.#state = { state: 'announcing', at: after(now, this.#spacing()), setsLeft: SETS };
      return this.#byebyeSet();
    }
    const setsLeft = (this.#state.state === 'announcing' ? this.#state.setsLeft : SETS) - 1;
    this.#state =
      setsLeft > 0
        ? { state: 'announcing', at: after(now, this.#spacing()), setsLeft }
        : { state: 'announced', at: after(now, this.#untilRefresh()) };
    return this.#aliveSet();
  }

  #spacing(): Duration {
    return milliseconds(SPACING_AT_LEAST + SPACING_SPREAD * this.#random.unit());
  }

  /** UDA 1.1 §1.2.2: at a random point before half of max-age has gone by. */
  #untilRefresh(): Duration {
    return scale(MAX_AGE, 0.25 + 0.2 * this.#random.unit());
  }

  #aliveSet(): readonly AnnouncerOutput[] {
    return this.#roots.flatMap((root) =>
      advertisementsOf(root).map((advertisement) => multicast(aliveMessage(this.#speaker, root, advertisement))),
    );
  }

  #byebyeSet(): readonly AnnouncerOutput[] {
    return this.#roots.flatMap((root) =>
      advertisementsOf(root).map((advertisement) => multicast(byebyeMessage(this.#speaker, advertisement))),
    );
  }
}

const multicast = (message: SsdpMessage): AnnouncerOutput => ({ kind: 'multicast', message });
