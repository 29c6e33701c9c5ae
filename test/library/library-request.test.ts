import { describe, expect, it } from 'vitest';
import { seconds } from '../../src/base/time.ts';
import { type PlainMapOptions, problemOf, readMapOptions } from '../../src/library/library-request.ts';
import { serverId, type Unanswered } from '../../src/pcp/asking/map-outcome.ts';
import { nonce } from '../doubles/pcp-asker.ts';

const read = (options: Partial<PlainMapOptions>) =>
  readMapOptions({ protocol: 'tcp', internalPort: 8080, ...options }, nonce(1));

describe('what a program asks for', () => {
  it('is two hours on any port unless it says otherwise', () => {
    expect(read({})).toMatchObject({
      ok: true,
      value: { protocol: 'TCP', internalPort: 8080, suggestedPort: 0, exactPort: false, lifetimeSeconds: 7200 },
    });
  });

  it('carries everything that can be said', () => {
    const wishes = { protocol: 'UDP', externalPort: 53, exactPort: true, lifetime: 60, description: 'x' };
    const addresses = { internalAddress: '192.168.1.20', remoteAddresses: ['198.51.100.9'] };
    expect(JSON.parse(JSON.stringify(read({ ...wishes, ...addresses })))).toMatchObject({
      value: {
        protocol: 'UDP',
        suggestedPort: 53,
        exactPort: true,
        lifetimeSeconds: 60,
        description: 'x',
        thirdParty: '192.168.1.20',
        remotePeers: ['198.51.100.9'],
      },
    });
  });

  it.each([
    [{ protocol: 'sctp' }, 'protocol must be "tcp" or "udp", not "sctp"'],
    [{ internalPort: 0 }, 'internalPort must be a whole number from 1'],
    [{ internalPort: 1.5 }, 'internalPort must be a whole number from 1'],
    [{ externalPort: 65_536 }, 'externalPort must be a whole number from 0'],
    [{ exactPort: true }, 'exactPort needs an externalPort'],
    [{ lifetime: 0 }, 'lifetime must be whole seconds'],
    [{ lifetime: 2 ** 32 }, 'lifetime must be whole seconds'],
    [{ internalAddress: 'here' }, 'internalAddress must be an IP address, not "here"'],
    [{ remoteAddresses: ['1.2.3'] }, 'remoteAddresses must be IP addresses; "1.2.3" is none'],
    [{ remoteAddresses: new Array<string>(17).fill('1.1.1.1') }, 'remoteAddresses may hold 16 at most'],
  ])('is refused with what to mend: %o', (options, sentence) => {
    const result = read(options);
    expect(result.ok ? '' : result.error).toContain(sentence);
  });
});

describe('what became of it', () => {
  it.each([
    ['no server', 'no server', '{ server: "ADDRESS" }'],
    ['no answer in time', 'no answer', 'UDP port 5351'],
    ['server known to be down', 'no answer', 'UDP port 5351'],
    ['closed', 'closed', 'was closed'],
  ] as const)('%s', (why: Unanswered['why'], kind, sentence) => {
    const problem = problemOf({ kind: 'unanswered', why });
    expect(problem.kind).toBe(kind);
    expect(problem.message).toContain(sentence);
  });

  it.each([
    [11, 'conflict', 'somebody else has that port'],
    [10, 'refused', 'the quota is used up'],
    [5, 'refused', 'it lacks an option'],
    [99, 'refused', 'refused with result 99: ask again in 30 s'],
  ])('refused with code %d', (code, kind, sentence) => {
    const hold = seconds(30);
    const problem = problemOf({
      kind: 'refused',
      server: serverId('x'),
      code,
      lifetimeSeconds: 30,
      hold,
      by: 'server',
    });
    expect(problem).toMatchObject({ kind, resultCode: code, retryAfterSeconds: 30 });
    expect(problem.message).toContain(sentence);
  });
});
