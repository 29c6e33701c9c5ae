// The PCP client: one conversation per server, and which of them new requests go to (RFC 6887 §8.1, RFC 7488 §4).
// Sans-IO: datagrams, ICMP refusals, requests and the time go in, a closed list of outputs comes out.

import type { Endpoint, IpAddress } from '../../base/ip-address.ts';
import { earliestWake, type Machine, type Wake } from '../../base/machine.ts';
import type { Instant } from '../../base/time.ts';
import type { ServerAddress } from './address-order.ts';
import type { ClientOutput } from './client-output.ts';
import type { ClientSettings } from './client-settings.ts';
import { Conversation, type Via } from './conversation.ts';
import type { ReleaseWish } from './exchange.ts';
import type { Health } from './liveness.ts';
import type { ServerId, Unanswered } from './map-outcome.ts';
import type { MapKey, MapRequest, Patience } from './map-request.ts';
import { baseKeyText } from './map-request.ts';
import { NOTHING, type Outputs } from './server-context.ts';
import type { ServerView } from './server-view.ts';

export interface ServerCandidate {
  readonly id: ServerId;
  /** Alternatives, in the order they are tried. */
  readonly addresses: readonly ServerAddress[];
}

/** Each WAN a laptop-like box moves through may leave one; mappings end by themselves anyway. */
const MOST_GONE_SERVERS = 8;

export class Client implements Machine<ClientOutput> {
  readonly #settings: ClientSettings;
  readonly #unit: () => number;
  /** In order of preference. */
  #conversations: readonly Conversation[] = [];
  /** The internal side of each request under way. */
  readonly #asked = new Map<number, string>();
  /** At servers that are not there at the moment: the WAN went down with requests under way. */
  readonly #unreleased = new Map<ServerId, readonly MapKey[]>();
  #lastServer: ServerId | undefined;
  #lastHealth: Health = 'unknown';
  #lastSource: string | undefined;

  /** `unit` draws from [0, 1): jitter of retransmissions and probes. */
  constructor(settings: ClientSettings, unit: () => number) {
    this.#settings = settings;
    this.#unit = unit;
  }

  /** Replaces the list; conversations with servers that stay go on. */
  setServers(servers: readonly ServerCandidate[], now: Instant): Outputs {
    const outputs: ClientOutput[] = [];
    const previous = new Map(this.#conversations.map((conversation) => [conversation.id, conversation]));
    const usable = servers.filter(({ addresses }) => addresses.length > 0);
    this.#conversations = usable.map(({ id, addresses }) => {
      const known = previous.get(id);
      previous.delete(id);
      if (known !== undefined) {
        if (!known.addresses.equals(addresses)) outputs.push(...known.setAddresses(addresses, now));
        return known;
      }
      const conversation = new Conversation(id, addresses, this.#settings, this.#unit);
      conversation.releaseLater(this.#unreleased.get(id) ?? [], now);
      this.#unreleased.delete(id);
      outputs.push(...conversation.start(now));
      return conversation;
    });
    for (const gone of previous.values()) {
      outputs.push(...gone.close('no server', now));
      this.#keepUnreleased(gone, now);
    }
    return this.#conclude(outputs, now);
  }

  /** Settles with a `settled` output of the same id, at once when the answer is known. */
  map(id: number, request: MapRequest, patience: Patience, now: Instant): Outputs {
    const conversation = this.#current();
    if (conversation === undefined) return [{ kind: 'settled', id, outcome: { kind: 'unanswered', why: 'no server' } }];
    this.#asked.set(id, baseKeyText(request));
    return this.#conclude(conversation.map({ kind: 'map', id, request, patience }, now), now);
  }

  /** Settles with a `released` output of the same id. Goes to the server that has the mapping, or that is named. */
  release(id: number, wish: ReleaseWish, now: Instant): Outputs {
    const conversation = this.#conversationFor(wish);
    if (conversation === undefined) {
      return [{ kind: 'released', id, outcome: { kind: 'unanswered', why: 'no server' } }];
    }
    return this.#conclude(conversation.release({ kind: 'release', id, ...wish }, now), now);
  }

  /** Nobody waits for the answer any more. */
  cancel(id: number, why: Unanswered['why'], now: Instant): Outputs {
    return this.#conclude(
      this.#conversations.flatMap((conversation) => conversation.cancel(id, why, now)),
      now,
    );
  }

  handleDatagram(bytes: Uint8Array, from: Endpoint, via: Via, now: Instant): Outputs {
    const conversation = this.#conversations.find(({ addresses }) => addresses.includes(from));
    if (conversation === undefined) return [{ kind: 'ignored', why: 'not from our server', from }];
    return this.#conclude(conversation.handleDatagram(bytes, from, via, now), now);
  }

  /** "Port unreachable" or the like came back from there. */
  handleUnreachable(endpoint: Endpoint, now: Instant): Outputs {
    return this.#conclude(
      this.#conversations.flatMap((conversation) => conversation.handleUnreachable(endpoint, now)),
      now,
    );
  }

  nextWake(): Wake | undefined {
    return earliestWake(this.#conversations.map((conversation) => conversation.nextWake()));
  }

  handleTimeout(now: Instant): Outputs {
    return this.#conclude(
      this.#conversations.flatMap((conversation) => conversation.handleTimeout(now)),
      now,
    );
  }

  close(now: Instant): Outputs {
    const outputs = this.#conversations.flatMap((conversation) => conversation.close('closed', now));
    this.#conversations = [];
    return outputs;
  }

  currentServer(): ServerId | undefined {
    return this.#current()?.id;
  }

  health(): Health {
    return this.#current()?.health ?? 'unknown';
  }

  /** Somebody wants the server in use, which is down. */
  seek(now: Instant): Outputs {
    return this.#conclude(this.#current()?.seek(now) ?? NOTHING, now);
  }

  /** A question is out whose answer may come at any moment. */
  isSeeking(now: Instant): boolean {
    return this.#current()?.isSeeking(now) ?? false;
  }

  sourceAddress(): IpAddress | undefined {
    return this.#current()?.addresses.active?.source;
  }

  canNameThirdParty(): boolean {
    return this.#current()?.dialect.canNameThirdParty ?? true;
  }

  canFilterRemotePeers(now: Instant): boolean {
    return this.#current()?.canFilter(now) ?? true;
  }

  view(now: Instant): readonly ServerView[] {
    return this.#conversations.map((conversation) => conversation.view(now));
  }

  /** The first that is not down; a preferred one that comes back is preferred again. */
  #current(): Conversation | undefined {
    return this.#conversations.find(({ health }) => health !== 'down') ?? this.#conversations[0];
  }

  #conversationFor({ key, owedTo }: ReleaseWish): Conversation | undefined {
    if (owedTo !== undefined) return this.#conversations.find(({ id }) => id === owedTo);
    return this.#conversations.find((candidate) => candidate.holds(key)) ?? this.#current();
  }

  #conclude(outputs: Outputs, now: Instant): Outputs {
    return this.#withChanges([...outputs, ...outputs.flatMap((output) => this.#letGoElsewhere(output, now))]);
  }

  #keepUnreleased(gone: Conversation, now: Instant): void {
    const keys = gone.takeUnreleased(now);
    if (keys.length > 0) this.#unreleased.set(gone.id, keys);
    const [oldest] = this.#unreleased.keys();
    if (this.#unreleased.size > MOST_GONE_SERVERS && oldest !== undefined) this.#unreleased.delete(oldest);
  }

  /** A mapping made at one server is not needed at another that carried it before. */
  #letGoElsewhere(output: ClientOutput, now: Instant): Outputs {
    if (output.kind !== 'settled') return NOTHING;
    const base = this.#asked.get(output.id);
    this.#asked.delete(output.id);
    const { outcome } = output;
    if (base === undefined || outcome.kind !== 'granted' || this.#conversations.length < 2) return NOTHING;
    return this.#conversations.flatMap((other) => (other.id === outcome.server ? [] : other.letGo(base, now)));
  }

  #withChanges(outputs: Outputs): Outputs {
    const changes: ClientOutput[] = [];
    const current = this.#current();
    const source = current?.addresses.active?.source;
    const health = this.health();
    if (source?.text !== this.#lastSource) {
      this.#lastSource = source?.text;
      changes.push({ kind: 'source address changed', address: source });
    }
    if (current?.id !== this.#lastServer) {
      this.#lastServer = current?.id;
      changes.push({ kind: 'server changed', server: current?.id });
    }
    if (health !== this.#lastHealth && current !== undefined) {
      changes.push({ kind: 'health changed', server: current.id, health });
    }
    this.#lastHealth = health;
    return changes.length === 0 ? outputs : [...outputs, ...changes];
  }
}
