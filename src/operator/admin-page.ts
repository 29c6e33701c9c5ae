// The status page and its forms: sign in with the token, sign out, close a port. Forms work without JavaScript; every
// one carries the session's form token, so that no other site can send it.

import type { RandomSource } from '../base/host.ts';
import type { HttpRequest, HttpResponse } from '../base/http.ts';
import { after, hours, type Instant } from '../base/time.ts';
import { seeOther } from './admin-answer.ts';
import { sameSecret, type TokenGuesses } from './admin-guard.ts';
import { parseJson } from './api-schema.ts';
import { pageHeaders } from './html.ts';
import type { OperatorSource } from './operator-source.ts';
import { type PageVisitor, statusPage } from './page.ts';

const COOKIE = 'igd2pcp';

export class AdminPage {
  readonly #source: OperatorSource;
  readonly #random: RandomSource;
  readonly #token: () => string | undefined;
  readonly #guesses: TokenGuesses;
  readonly #sessions: AdminSessions;

  constructor(source: OperatorSource, random: RandomSource, token: () => string | undefined, guesses: TokenGuesses) {
    this.#source = source;
    this.#random = random;
    this.#token = token;
    this.#guesses = guesses;
    this.#sessions = new AdminSessions(random);
  }

  show(request: HttpRequest, now: Instant): HttpResponse {
    const session = this.#sessionOf(request, now);
    const notice = session?.notice;
    if (session !== undefined) session.notice = undefined;
    return this.#draw(session, notice, 200);
  }

  signIn(request: HttpRequest, now: Instant): HttpResponse {
    const token = this.#token();
    if (token === undefined)
      return this.#draw(undefined, 'No token is set (admin.token_file): this page only reads.', 403);
    const given = new URLSearchParams(request.body).get('token') ?? '';
    switch (this.#guesses.judge(request.peer.address, given.trim(), token, now)) {
      case 'right': {
        const { id } = this.#sessions.open(token, now);
        return seeOther({ 'set-cookie': `${COOKIE}=${id}; HttpOnly; SameSite=Strict; Path=/` });
      }
      case 'wrong':
        return this.#draw(undefined, 'That is not the token.', 403);
      case 'too many tries':
        return this.#draw(undefined, 'Too many wrong tokens from your address: wait a minute.', 429);
    }
  }

  signOut(request: HttpRequest, now: Instant): HttpResponse {
    const session = this.#sessionThatSent(request, now);
    if (session === undefined) return this.#stranger();
    this.#sessions.signOut(session);
    return seeOther({ 'set-cookie': `${COOKIE}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0` });
  }

  async close(request: HttpRequest, now: Instant): Promise<HttpResponse> {
    const session = this.#sessionThatSent(request, now);
    if (session === undefined) return this.#stranger();
    const fields = new URLSearchParams(request.body);
    const name = parseJson(
      'name',
      JSON.stringify({
        protocol: fields.get('protocol'),
        externalPort: Number(fields.get('external_port')),
        remoteHost: fields.get('remote_host') ?? '',
      }),
    );
    if (!name.ok) return this.#draw(session, `That mapping has no proper name: ${name.error}.`, 400);
    const deleted = await this.#source.deleteMapping(name.value);
    const place = `${name.value.protocol} ${name.value.externalPort}`;
    session.notice = deleted.ok ? `${place} is closed.` : `${place} was not closed: ${deleted.error.message}.`;
    return seeOther();
  }

  #draw(session: AdminSession | undefined, notice: string | undefined, status: number): HttpResponse {
    const nonce = Array.from(this.#random.bytes(16), (byte) => byte.toString(16).padStart(2, '0')).join('');
    const visitor: PageVisitor = { nonce, access: this.#accessOf(session), notice };
    const body = statusPage(this.#source.snapshot(), this.#source.lastDay(), visitor);
    return { status, headers: pageHeaders(nonce), body };
  }

  #accessOf(session: AdminSession | undefined): PageVisitor['access'] {
    if (session !== undefined) return { kind: 'operator', formToken: session.formToken };
    return { kind: this.#token() === undefined ? 'none' : 'reader' };
  }

  #stranger(): HttpResponse {
    return this.#draw(undefined, 'You are not signed in any more: nothing was changed.', 403);
  }

  #sessionOf(request: HttpRequest, now: Instant): AdminSession | undefined {
    const cookies = request.headers['cookie'] ?? '';
    const id = new RegExp(`(?:^|[;,]\\s*)${COOKIE}=([0-9a-f]+)`).exec(cookies)?.[1];
    return this.#sessions.find(id, this.#token(), now);
  }

  #sessionThatSent(request: HttpRequest, now: Instant): AdminSession | undefined {
    const session = this.#sessionOf(request, now);
    const formToken = new URLSearchParams(request.body).get('form_token') ?? '';
    return session !== undefined && sameSecret(formToken, session.formToken) ? session : undefined;
  }
}

// Who has shown the token to the status page: a cookie names the session, a form token in every form proves that the
// form was ours. Sessions live in memory and end with the daemon, with the token, or after half a day.

interface AdminSession {
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

class AdminSessions {
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
