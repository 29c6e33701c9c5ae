import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ok, type Result, refused } from '../../src/base/result.ts';
import { hours, seconds } from '../../src/base/time.ts';
import {
  type AdminAnswer,
  type AdminCall,
  type AdminRequest,
  addCommand,
  deleteAllCommand,
  deleteCommand,
  listCommand,
  statusCommand,
} from '../../src/cli/admin-commands.ts';
import { mappingTableText } from '../../src/cli/mapping-table-text.ts';
import { statusText } from '../../src/cli/status-text.ts';
import { paint, table } from '../../src/cli/terminal-text.ts';
import { type Screen, watchCommand } from '../../src/cli/watch-command.ts';
import type { Snapshot } from '../../src/operator/operator-source.ts';
import { mappingsJson, statusJson } from '../../src/operator/status-json.ts';
import { sampleMapping, sampleServer, sampleSnapshot } from '../operator/sample-source.ts';

const PLAIN = { columns: 80, hasColour: false };
const COLOUR = { columns: 80, hasColour: true };

const order = {
  protocol: 'TCP',
  externalPort: 8080,
  remoteHost: '',
  internalAddress: '192.168.1.10',
  internalPort: 80,
  leaseSeconds: 3600,
  anyPort: false,
  description: '',
} as const;

function daemonWith(snapshot: Snapshot, seen: AdminRequest[] = []): AdminCall {
  return async (request): Promise<Result<AdminAnswer, string>> => {
    seen.push(request);
    if (request.method === 'POST')
      return ok({ status: 409, body: '{"error":"port 8080 belongs to another host","upnpErrorCode":718}' });
    if (request.method === 'DELETE')
      return ok({ status: 200, body: '{"protocol":"TCP","externalPort":8080,"remoteHost":""}' });
    return ok({
      status: 200,
      body: JSON.stringify(request.path === '/api/status' ? statusJson(snapshot) : mappingsJson(snapshot)),
    });
  };
}

const nobody: AdminCall = async () => refused('no daemon answers at /run/igd2pcp.sock: is it running?');

describe('the list', () => {
  it('fits 80 columns and says the time in words', async () => {
    const { stdout, exitCode } = await listCommand(daemonWith(sampleSnapshot()), false, PLAIN);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('47 min');
    expect(stdout).toContain('endless');
    expect(stdout).toContain('desk-pc');
    expect(stdout).toMatch(/TCP 8443: open at port 40122 instead of 8443/);
    for (const line of stdout.split('\n')) expect([...line].length, line).toBeLessThanOrEqual(80);
  });

  it('tells of ports that were lost within a day, and why (Q-10)', async () => {
    const lost = {
      protocol: 'TCP',
      externalPort: 6881,
      remoteHost: '',
      internalClient: '192.168.1.10',
      internalPort: 6881,
      ago: hours(3),
      why: 'the PCP server stopped honouring it',
    } as const;
    const snapshot = sampleSnapshot({ mappings: [], lost: [lost] });
    const { stdout } = await listCommand(daemonWith(snapshot), false, { columns: 100, hasColour: false });
    expect(stdout).toContain('No port is open.');
    expect(stdout).toMatch(/TCP 6881 → 192\.168\.1\.10:6881, lost 3 h ago: the PCP server stopped honouring it/);
  });

  it('grows with the terminal', () => {
    const { mappings } = mappingsJson(
      sampleSnapshot({
        mappings: [sampleMapping({ description: 'x'.repeat(60), hostName: 'a-rather-long-host-name' })],
      }),
    );
    expect(mappingTableText(mappings, PLAIN)).toContain('…');
    expect(mappingTableText(mappings, { columns: 200, hasColour: false })).toContain('x'.repeat(60));
  });

  it('is the API itself with --json', async () => {
    const { stdout } = await listCommand(daemonWith(sampleSnapshot()), true, COLOUR);
    expect(JSON.parse(stdout)).toEqual(mappingsJson(sampleSnapshot()));
  });

  it('lets no control character of a description reach the terminal', () => {
    const { mappings } = mappingsJson(
      sampleSnapshot({ mappings: [sampleMapping({ description: 'a\u001b[2Jb\u202ec' })] }),
    );
    expect(mappingTableText(mappings, PLAIN)).toContain('a·[2Jb·c');
  });

  it('colours states on a terminal only', () => {
    const { mappings } = mappingsJson(sampleSnapshot());
    expect(mappingTableText(mappings, COLOUR)).toContain('\u001b[32mopen');
    expect(mappingTableText(mappings, PLAIN)).not.toContain('\u001b');
    expect(paint(PLAIN, 'red', 'x')).toBe('x');
  });

  it('keeps every table within its width, whatever the cells', () => {
    const columns = [
      { title: 'A', least: 3 },
      { title: 'LONG TITLE', least: 4 },
      { title: 'C', least: 2, alignRight: true },
    ];
    const cell = fc.string({ maxLength: 80 }).map((text) => ({ text }));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(cell, cell, cell), { maxLength: 8 }),
        fc.integer({ min: 20, max: 120 }),
        (rows, width) => {
          for (const line of table({ columns: width, hasColour: false }, columns, rows).split('\n')) {
            if ([...line].length > width) return false;
          }
          return true;
        },
      ),
      { numRuns: 200, seed: 8 },
    );
  });
});

describe('the status', () => {
  it('begins with the health sentence and names what matters, in 80 columns', () => {
    const text = statusText(statusJson(sampleSnapshot()), PLAIN);
    expect(text).toMatch(/^1 port is open under another number/);
    for (const words of [
      'up for 5 h',
      'br-lan 192.168.1.1',
      '198.51.100.7',
      'PCP 2, round trip 12 ms',
      'cannot FILTER',
      '3 of 1024',
      'renew TCP 6881 in 29 min',
    ]) {
      expect(text).toContain(words);
    }
    for (const line of text.split('\n')) expect([...line].length, line).toBeLessThanOrEqual(80);
  });

  it('says how many deletions the server has not answered yet, and nothing when there are none (RFC 6887 §15)', () => {
    const textWith = (releasesOwed: number) => statusText(statusJson(sampleSnapshot({ releasesOwed })), PLAIN);
    expect(textWith(3)).toContain('3 deletions not answered by the PCP server yet');
    expect(textWith(0)).not.toContain('not answered by the PCP server');
  });

  it('ends with 1 when ports cannot be opened', async () => {
    const silent = sampleSnapshot({ servers: [sampleServer({ health: 'down' })] });
    expect((await statusCommand(daemonWith(silent), false, PLAIN)).exitCode).toBe(1);
    expect((await statusCommand(daemonWith(sampleSnapshot()), false, PLAIN)).exitCode).toBe(0);
  });

  it('says on one line that no daemon runs', async () => {
    expect(await statusCommand(nobody, false, PLAIN)).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'igd2pcp: no daemon answers at /run/igd2pcp.sock: is it running?\n',
    });
  });

  it('says when the daemon is of another version', async () => {
    const older: AdminCall = async () => ok({ status: 200, body: '{"schema":2}' });
    expect((await statusCommand(older, false, PLAIN)).stderr).toMatch(/does not fit this version of igd2pcp: schema/);
  });
});

describe('add and delete', () => {
  it('pass on why the daemon refused', async () => {
    expect(await addCommand(daemonWith(sampleSnapshot()), order, false)).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'igd2pcp: port 8080 belongs to another host (UPnP error 718)\n',
    });
  });

  it('say where the port leads', async () => {
    const granting: AdminCall = async () =>
      ok({
        status: 201,
        body: '{"protocol":"TCP","externalPort":8080,"remoteHost":"","externalAddress":"198.51.100.7"}',
      });
    expect((await addCommand(granting, order, false)).stdout).toBe(
      'TCP 198.51.100.7:8080 now leads to 192.168.1.10:80\n',
    );
  });

  it('name the mapping in the query', async () => {
    const seen: AdminRequest[] = [];
    const name = { protocol: 'TCP', externalPort: 8080, remoteHost: '203.0.113.9' } as const;
    const { stdout } = await deleteCommand(daemonWith(sampleSnapshot(), seen), name, false);
    expect(seen[0]?.path).toBe('/api/mappings?protocol=TCP&externalPort=8080&remoteHost=203.0.113.9');
    expect(stdout).toBe('TCP 8080 is closed\n');
  });
});

describe('watch', () => {
  function screenThatStopsAfter(rounds: number) {
    const written: string[] = [];
    const stop = new AbortController();
    let slept = 0;
    const screen: Screen = {
      terminal: () => PLAIN,
      rows: () => 24,
      write: (text) => written.push(text),
      sleep: async (span) => {
        expect(span).toBe(seconds(1));
        slept += 1;
        if (slept >= rounds) stop.abort();
      },
      stopped: stop.signal,
    };
    return { screen, written };
  }

  it('redraws in place and leaves the terminal as it was', async () => {
    const { screen, written } = screenThatStopsAfter(3);
    expect((await watchCommand(daemonWith(sampleSnapshot()), screen)).exitCode).toBe(0);
    expect(written[0]).toBe('\u001b[?1049h\u001b[?25l');
    expect(written.at(-1)).toBe('\u001b[?25h\u001b[?1049l');
    expect(written.filter((text) => text.startsWith('\u001b[H')).length).toBe(3);
  });

  it('keeps watching while the daemon is away, and leaves the terminal alone when it never came', async () => {
    let round = 0;
    const flaky: AdminCall = (request) => {
      round += 1;
      return round > 2 ? nobody(request) : daemonWith(sampleSnapshot())(request);
    };
    const { screen, written } = screenThatStopsAfter(2);
    await watchCommand(flaky, screen);
    expect(written.some((text) => text.includes('Trying again'))).toBe(true);
    const never = screenThatStopsAfter(1);
    expect((await watchCommand(nobody, never.screen)).exitCode).toBe(1);
    expect(never.written).toEqual([]);
  });

  it('cuts what the window cannot hold, and says how much', async () => {
    const many = Array.from({ length: 60 }, (_, i) => sampleMapping({ externalPort: 2000 + i }));
    const { screen, written } = screenThatStopsAfter(1);
    await watchCommand(daemonWith(sampleSnapshot({ mappings: many })), screen);
    const lines = (written[1] ?? '').split('\r\n');
    expect(lines.length).toBeLessThanOrEqual(25);
    expect(written[1]).toMatch(/… \d+ more lines/);
  });
});

describe('delete --all', () => {
  const left = { what: 'TCP 5001 → 192.168.1.20:80', server: '192.0.2.1', why: 'no answer', endsIn: hours(2) };
  const emptied = { deleted: 3, left: [left] };
  const answering =
    (body: object): AdminCall =>
    async () =>
      ok({ status: 200, body: JSON.stringify(body) });
  const absent: AdminCall = async () => refused('no daemon listens');
  const nobody = async () => refused('must not be asked');

  it('says how many are gone, and is fine when no server keeps any', async () => {
    const outcome = await deleteAllCommand(answering({ deleted: 1, left: [] }), nobody, false);
    expect(outcome).toEqual({ exitCode: 0, stdout: '1 mapping is deleted\n', stderr: '' });
  });

  it('without a daemon goes by the state directory, and says what may still be open, where, and how long', async () => {
    const outcome = await deleteAllCommand(absent, async () => ok(emptied), false);
    expect(outcome.exitCode).toBe(1);
    expect(outcome.stdout).toBe('3 mappings are deleted\n');
    expect(outcome.stderr).toMatch(
      /TCP 5001 → 192\.168\.1\.20:80 may still be open at 192\.0\.2\.1: no answer; .* 2 h/,
    );
  });

  it('says both reasons when neither the daemon nor the state directory can be had', async () => {
    const outcome = await deleteAllCommand(absent, async () => refused('another igd2pcp uses it'), false);
    expect(outcome).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'igd2pcp: another igd2pcp uses it (no daemon listens)\n',
    });
  });

  it('prints JSON for scripts', async () => {
    const { stdout } = await deleteAllCommand(absent, async () => ok(emptied), true);
    expect(JSON.parse(stdout)).toMatchObject({ deleted: 3, left: [{ server: '192.0.2.1', endsInSeconds: 7200 }] });
  });
});
