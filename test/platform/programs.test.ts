import { describe, expect, it } from 'vitest';
import { seconds } from '../../src/base/time.ts';
import { NodeClock } from '../../src/platform/node-clock.ts';
import { NodePrograms } from '../../src/platform/programs.ts';

const programs = new NodePrograms(new NodeClock());

describe('other programs', () => {
  it('gets their output and exit code', async () => {
    const outcome = await programs.run('/bin/sh', ['-c', 'cat; echo oops >&2; exit 3'], 'hello', seconds(5));
    expect(outcome).toEqual({ ok: true, value: { exitCode: 3, stdout: 'hello', stderr: 'oops\n' } });
  });

  it('names a program that is not there', async () => {
    expect(await programs.run('no-such-program-here', [], '', seconds(5))).toEqual({
      ok: false,
      error: 'no-such-program-here is not installed',
    });
  });

  it('stops one that hangs', async () => {
    const outcome = await programs.run('/bin/sleep', ['30'], '', seconds(0.1));
    expect(outcome).toEqual({ ok: false, error: '/bin/sleep did not end within 0.1 s and was stopped' });
  });

  it('survives one that does not read its input', async () => {
    const outcome = await programs.run('/bin/true', [], 'x'.repeat(1_000_000), seconds(5));
    expect(outcome.ok && outcome.value.exitCode).toBe(0);
  });

  it('refuses the one request when the system cannot start a program at all', async () => {
    // Longer than the kernel takes: like want of memory, Node throws this instead of telling it as an event.
    const outcome = await programs.run('/bin/true', ['x'.repeat(4_000_000)], '', seconds(5));
    expect(outcome).toEqual({ ok: false, error: expect.stringContaining('E2BIG') });
  });
});
