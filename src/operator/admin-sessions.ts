// Who has shown the token to the status page: a cookie names the session, a form token in every form proves that the
// form was ours. Sessions live in memory and end with the daemon, with the token, or after half a day.

import type { RandomSource } from '../base/host.ts';
import { after, hours, type Instant } from '../base/time.ts';

export interface AdminSession {
  readonly id: string;
  readonly formToken: string;
  /** To be shown once, on the next page. */
  notice: string | undefined;
}

interface Kept extends AdminSession {
  readonly endsAt: Instant;
  /** The token it was opened with: a new token ends it. */
  readonly token: string;
}

const SESSION_LASTS = hours(12);
/** One household's browsers; the oldest makes room. */
const MAX_SESSIONS = 16;

export class AdminSessions {
  readonly #random: RandomSource;
  readonly #sessions = new Map<string, Kept>();

  constructor(random: RandomSource) {
    this.#random = random;
  }

  /** For somebody who has shown `token`. */
  open(token: string, now: Instant): AdminSession {
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size >= MAX_SESSIONS && oldest !== undefined) this.#sessions.delete(oldest);
    const session: Kept = {
      id: this.#secret(),
      formToken: this.#secret(),
      notice: undefined,
      endsAt: after(now, SESSION_LASTS),
      token,
    };
    this.#sessions.set(session.id, session);
    return session;
  }

  /** By the cookie's value. */
  find(id: string | undefined, token: string | undefined, now: Instant): AdminSession | undefined {
    const session = id === undefined ? undefined : this.#sessions.get(id);
    if (session === undefined) return undefined;
    if (now < session.endsAt && session.token === token) return session;
    this.#sessions.delete(session.id);
    return undefined;
  }

  signOut(session: AdminSession): void {
    this.#sessions.delete(session.id);
  }

  #secret(): string {
    return Array.from(this.#random.bytes(18), (byte) => byte.toString(16).padStart(2, '0')).join('');
  }
}
