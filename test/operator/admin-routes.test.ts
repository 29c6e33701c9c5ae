import { describe, expect, it } from 'vitest';
import type { HttpHandler, HttpRequest, HttpResponse } from '../../src/base/http.ts';
import { IpAddress } from '../../src/base/ip-address.ts';
import { hours, minutes, seconds } from '../../src/base/time.ts';
import { adminHandlers } from '../../src/operator/admin-routes.ts';
import { parseJson } from '../../src/operator/api-schema.ts';
import { seededRandom } from '../doubles/seeded-random.ts';
import { VirtualClock } from '../doubles/virtual-clock.ts';
import { SampleSource, sampleServer, sampleSnapshot } from './sample-source.ts';

const TOKEN = 'correct-horse-battery-staple';
const ORDER = { protocol: 'TCP', externalPort: 8080, internalAddress: '192.168.1.10', internalPort: 80 };

function admin(token: string | undefined = TOKEN) {
  const source = new SampleSource();
  const clock = new VirtualClock();
  let current: string | undefined = token;
  const handlers = adminHandlers({ source, clock, random: seededRandom(1), token: () => current });
  const setToken = (next: string | undefined): void => {
    current = next;
  };
  return { ...handlers, source, clock, setToken };
}

const NOBODY = { address: IpAddress.of('0.0.0.0'), port: 0 };

const request = (method: string, target: string, changes: Partial<HttpRequest> = {}): HttpRequest => {
  const [path = '', query = ''] = target.split('?');
  return {
    method,
    path,
    query,
    headers: { host: '127.0.0.1:5080' },
    body: '',
    bodyTooLong: false,
    httpVersion: '1.1',
    peer: NOBODY,
    local: NOBODY,
    hungUp: new AbortController().signal,
    ...changes,
  };
};

const withHeaders = (headers: Record<string, string>): Partial<HttpRequest> => ({
  headers: { host: '127.0.0.1:5080', ...headers },
});

const cookieOf = (response: HttpResponse): string => (response.headers?.['set-cookie'] ?? '').split(';')[0] ?? '';

async function signedIn(handler: HttpHandler): Promise<{ cookie: string; formToken: string }> {
  const cookie = cookieOf(await handler(request('POST', '/login', { body: `token=${TOKEN}` })));
  const page = await handler(request('GET', '/', withHeaders({ cookie })));
  const formToken = /name="form_token" value="([0-9a-f]+)"/.exec(page.body ?? '')?.[1] ?? '';
  return { cookie, formToken };
}

describe('reading', () => {
  it('answers status, mappings, events, TR-181, metrics and health over TCP without a token', async () => {
    const { tcp } = admin();
    for (const path of ['/', '/api/status', '/api/mappings', '/api/events', '/api/tr181', '/metrics', '/healthz']) {
      expect((await tcp(request('GET', path))).status, path).toBe(200);
    }
    expect(parseJson('status', (await tcp(request('GET', '/api/status'))).body ?? '')).toMatchObject({ ok: true });
  });

  it('is unhealthy in /healthz when ports cannot be opened', async () => {
    const { tcp, source } = admin();
    source.become({ servers: [sampleServer({ health: 'down' })] });
    const health = await tcp(request('GET', '/healthz'));
    expect(health.status).toBe(503);
    expect(health.body).toMatch(/has not answered/);
  });

  it('knows what is not there, and which methods a path takes', async () => {
    const { tcp, socket } = admin();
    expect((await tcp(request('GET', '/etc/passwd'))).status).toBe(404);
    const wrong = await socket(request('PUT', '/api/mappings'));
    expect([wrong.status, wrong.headers?.['allow']]).toEqual([405, 'GET, POST, DELETE']);
    expect((await socket(request('POST', '/api/mappings', { bodyTooLong: true }))).status).toBe(413);
    expect((await tcp(request('HEAD', '/api/status'))).body).toBeUndefined();
  });
});

describe('the guard', () => {
  it.each(['evil.example', 'evil.example:5080', '127.0.0.1.evil.example', '', 'localhost.evil.example'])(
    'refuses the foreign name "%s" in Host: DNS rebinding',
    async (host) => {
      expect((await admin().tcp(request('GET', '/api/status', { headers: { host } }))).status).toBe(403);
    },
  );

  it.each(['127.0.0.1', '192.168.1.1:5080', '[::1]:5080', 'localhost', 'localhost:5080'])(
    'welcomes %s',
    async (host) => {
      expect((await admin().tcp(request('GET', '/api/status', { headers: { host } }))).status).toBe(200);
    },
  );

  it('refuses what another site sends, even with the token and the cookie', async () => {
    const { tcp, source } = admin();
    const { cookie, formToken } = await signedIn(tcp);
    const body = `form_token=${formToken}&protocol=TCP&external_port=6881&remote_host=`;
    for (const foreign of [
      { origin: 'http://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ]) {
      const answer = await tcp(request('POST', '/delete', { ...withHeaders({ cookie, ...foreign }), body }));
      expect(answer.status).toBe(403);
    }
    expect(source.now.mappings).toHaveLength(3);
  });

  it('does not ask the admin socket for Host or token: its file mode says who may', async () => {
    const { socket } = admin(undefined);
    expect((await socket(request('POST', '/api/mappings', { headers: {}, body: JSON.stringify(ORDER) }))).status).toBe(
      201,
    );
  });
});

describe('writing', () => {
  it('needs a token over TCP', async () => {
    const { tcp, source } = admin();
    const add = (headers: Record<string, string>) =>
      tcp(request('POST', '/api/mappings', { ...withHeaders(headers), body: JSON.stringify(ORDER) }));
    expect((await add({})).status).toBe(401);
    expect((await add({ authorization: 'Bearer wrong' })).status).toBe(401);
    expect(source.now.mappings).toHaveLength(3);
    const added = await add({ authorization: `Bearer ${TOKEN}` });
    expect(added.status).toBe(201);
    expect(parseJson('added', added.body ?? '')).toMatchObject({ ok: true, value: { externalPort: 8080 } });
  });

  it('is refused over TCP altogether where no token is set', async () => {
    const { tcp, setToken } = admin();
    setToken(undefined);
    const answer = await tcp(
      request(
        'DELETE',
        '/api/mappings?protocol=TCP&externalPort=6881',
        withHeaders({ authorization: `Bearer ${TOKEN}` }),
      ),
    );
    expect(answer.status).toBe(403);
    expect(answer.body).toContain('admin.token_file');
  });

  it('deletes by name, and says so when there is none', async () => {
    const { socket, source } = admin();
    expect((await socket(request('DELETE', '/api/mappings?protocol=tcp&externalPort=6881'))).status).toBe(200);
    expect(source.now.mappings).toHaveLength(2);
    const again = await socket(request('DELETE', '/api/mappings?protocol=TCP&externalPort=6881'));
    expect([again.status, JSON.parse(again.body ?? '')]).toEqual([
      404,
      { error: 'there is no such mapping', upnpErrorCode: 714 },
    ]);
  });

  it.each([
    ['no JSON', 'x', /not JSON/],
    ['a wrong address', JSON.stringify({ ...ORDER, internalAddress: 'desk-pc' }), /not an IP address/],
    ['no port', JSON.stringify({ ...ORDER, externalPort: 0 }), /externalPort is missing/],
    ['a port that is none', JSON.stringify({ ...ORDER, internalPort: 0 }), /internalPort/],
  ])('answers 400 to %s', async (_, body, words) => {
    const answer = await admin().socket(request('POST', '/api/mappings', { body }));
    expect(answer.status).toBe(400);
    expect(answer.body).toMatch(words);
  });

  it('passes on a conflict as 409 with the UPnP error', async () => {
    const body = JSON.stringify({ ...ORDER, externalPort: 6881 });
    const answer = await admin().socket(request('POST', '/api/mappings', { body }));
    expect([answer.status, JSON.parse(answer.body ?? '').upnpErrorCode]).toEqual([409, 718]);
  });
});

describe('the status page', () => {
  it('may load nothing from anywhere, and only its own script runs', async () => {
    const { tcp } = admin();
    const first = await tcp(request('GET', '/'));
    const policy = first.headers?.['content-security-policy'] ?? '';
    expect(policy).toMatch(/^default-src 'none'; style-src 'nonce-[0-9a-f]{32}'; script-src 'nonce-[0-9a-f]{32}'/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect((await tcp(request('GET', '/'))).headers?.['content-security-policy']).not.toBe(policy);
    expect(first.body).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
  });

  it('shows close buttons only to those who gave the token', async () => {
    const { tcp } = admin();
    expect((await tcp(request('GET', '/'))).body).not.toContain('action="delete"');
    const { cookie } = await signedIn(tcp);
    expect((await tcp(request('GET', '/', withHeaders({ cookie })))).body).toContain('action="delete"');
    expect(cookieOf(await tcp(request('POST', '/login', { body: 'token=wrong' })))).toBe('');
  });

  it('closes a port by its form, says so once, and refuses a form without its token', async () => {
    const { tcp, source } = admin();
    const { cookie, formToken } = await signedIn(tcp);
    const form = (token: string) =>
      tcp(
        request('POST', '/delete', {
          ...withHeaders({ cookie }),
          body: `form_token=${token}&protocol=TCP&external_port=6881&remote_host=`,
        }),
      );
    expect((await form('0'.repeat(36))).status).toBe(403);
    expect(source.now.mappings).toHaveLength(3);
    expect((await form(formToken)).status).toBe(303);
    expect(source.now.mappings).toHaveLength(2);
    expect((await tcp(request('GET', '/', withHeaders({ cookie })))).body).toContain('TCP 6881 is closed.');
    expect((await tcp(request('GET', '/', withHeaders({ cookie })))).body).not.toContain('TCP 6881 is closed.');
    await form(formToken);
    expect((await tcp(request('GET', '/', withHeaders({ cookie })))).body).toContain('there is no such mapping');
  });

  it('slows down those who guess the token', async () => {
    const { tcp, clock } = admin();
    for (let i = 0; i < 5; i += 1)
      expect((await tcp(request('POST', '/login', { body: `token=${i}` }))).status).toBe(403);
    expect((await tcp(request('POST', '/login', { body: `token=${TOKEN}` }))).status).toBe(429);
    await clock.advance(minutes(1));
    expect((await tcp(request('POST', '/login', { body: `token=${TOKEN}` }))).status).toBe(303);
  });

  it('slows down those who guess the bearer token: both doors share five tries a minute', async () => {
    const { tcp, clock } = admin();
    const ask = (token: string) =>
      tcp(
        request(
          'DELETE',
          '/api/mappings?protocol=TCP&externalPort=1',
          withHeaders({ authorization: `Bearer ${token}` }),
        ),
      );
    for (let i = 0; i < 3; i += 1) expect((await ask(`guess-${i}`)).status).toBe(401);
    for (let i = 0; i < 2; i += 1)
      expect((await tcp(request('POST', '/login', { body: `token=${i}` }))).status).toBe(403);
    expect((await ask('guess-6')).status).toBe(429);
    expect((await ask(TOKEN)).status).toBe(429);
    await clock.advance(minutes(1));
    expect((await ask(TOKEN)).status).toBe(404);
  });

  it('lets the operator in while somebody else guesses', async () => {
    const { tcp } = admin();
    const signIn = async (address: string, token: string) =>
      (
        await tcp(
          request('POST', '/login', { body: `token=${token}`, peer: { address: IpAddress.of(address), port: 1 } }),
        )
      ).status;
    for (let i = 0; i < 5; i += 1) expect(await signIn('192.168.1.66', 'guess')).toBe(403);
    expect(await signIn('192.168.1.66', TOKEN)).toBe(429);
    expect(await signIn('192.168.1.20', TOKEN)).toBe(303);
  });

  it('ends a session after half a day, with the token, and by its button', async () => {
    const { tcp, clock, setToken } = admin();
    const isSignedIn = async (cookie: string) =>
      (await tcp(request('GET', '/', withHeaders({ cookie })))).body?.includes('Sign out');
    const first = await signedIn(tcp);
    expect(await isSignedIn(first.cookie)).toBe(true);
    await clock.advance(hours(12));
    expect(await isSignedIn(first.cookie)).toBe(false);
    const second = await signedIn(tcp);
    setToken('another');
    expect(await isSignedIn(second.cookie)).toBe(false);
    setToken(TOKEN);
    const third = await signedIn(tcp);
    await tcp(
      request('POST', '/logout', { ...withHeaders({ cookie: third.cookie }), body: `form_token=${third.formToken}` }),
    );
    expect(await isSignedIn(third.cookie)).toBe(false);
  });
});

describe('the event stream', () => {
  const streamRequest = request('GET', '/api/events', withHeaders({ accept: 'text/event-stream' }));

  it('tells of changes at most once a second, of events at once, and stays alive', async () => {
    const { tcp, source, clock } = admin();
    const chunks: string[] = [];
    const close = (await tcp(streamRequest)).stream?.((chunk) => chunks.push(chunk));
    for (let i = 0; i < 100; i += 1) source.become({ subscribers: i });
    await clock.advance(seconds(2));
    expect(chunks.filter((chunk) => chunk.includes('event: changed'))).toHaveLength(1);
    for (const listener of source.listeners)
      listener.happened({ at: source.now.takenAt, kind: 'granted', level: 'info', text: 'TCP 1 opened' });
    expect(chunks.at(-1)).toBe(
      'event: happened\ndata: {"at":"2026-11-20T10:00:00.000Z","kind":"granted","level":"info","text":"TCP 1 opened"}\n\n',
    );
    await clock.advance(seconds(60));
    expect(chunks.filter((chunk) => chunk.startsWith(':'))).toHaveLength(2);
    close?.();
    expect(source.listeners.size).toBe(0);
    await clock.advance(minutes(5));
    expect(chunks.filter((chunk) => chunk.startsWith(':'))).toHaveLength(2);
  });

  it('is given to eight pages of one machine and to 32 altogether', async () => {
    const { tcp } = admin();
    const streamOf = (host: number) =>
      tcp({ ...streamRequest, peer: { address: IpAddress.of(`192.168.1.${host}`), port: 1 } });
    const closes: ((() => void) | undefined)[] = [];
    const opens = async (host: number): Promise<number> => {
      const { status, stream } = await streamOf(host);
      closes.push(stream?.(() => undefined));
      return status;
    };
    for (let i = 0; i < 8; i += 1) expect(await opens(66)).toBe(200);
    expect(await opens(66)).toBe(503);
    for (let i = 0; i < 24; i += 1) expect(await opens(20 + Math.floor(i / 8))).toBe(200);
    expect(await opens(30)).toBe(503);
    closes[0]?.();
    closes[0]?.();
    expect(await opens(30)).toBe(200);
    expect(await opens(30)).toBe(503);
  });

  it('is not given to pages of other sites, which would take the places', async () => {
    const { tcp } = admin();
    const asked = async (more: Record<string, string>) =>
      (await tcp(request('GET', '/api/events', withHeaders({ accept: 'text/event-stream', ...more })))).status;
    for (const origin of ['http://evil.example', 'null', 'http://127.0.0.1:80'])
      expect(await asked({ origin })).toBe(403);
    expect(await asked({ 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await asked({ 'sec-fetch-site': 'same-origin' })).toBe(200);
    expect(await asked({ origin: 'http://127.0.0.1:5080' })).toBe(200);
  });
});

describe('a page over a snapshot with nothing in it', () => {
  it('is still a page', async () => {
    const { tcp, source } = admin();
    source.now = sampleSnapshot({
      mappings: [],
      servers: [],
      lan: [],
      wakes: [],
      externalAddress: undefined,
      noServerBecause: 'nobody told us one',
    });
    const { body } = await tcp(request('GET', '/'));
    expect(body).toContain('No port is open.');
    expect(body).toContain('nobody told us one');
  });
});
