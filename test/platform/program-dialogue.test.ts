import { afterEach, describe, expect, it } from 'vitest';
import { seconds } from '../../src/base/time.ts';
import { NodeClock } from '../../src/platform/node-clock.ts';
import { ProgramDialogue } from '../../src/platform/programs.ts';

// Complains of each line, one line later about the word "done", as an interactive nft does.
const ECHO = ['-c', 'while read -r line; do echo "heard: $line" >&2; done'];

describe('a program that is kept', () => {
  let dialogue: ProgramDialogue;
  const talk = (program: string, args: readonly string[]): ProgramDialogue => {
    dialogue = new ProgramDialogue(new NodeClock(), program, args);
    return dialogue;
  };
  afterEach(() => dialogue.close());

  it('answers one turn after the other, each up to its mark', async () => {
    talk('/bin/sh', ECHO);
    expect(await dialogue.say('one\ndone1\n', 'done1', seconds(5))).toEqual({
      ok: true,
      value: 'heard: one\nheard: done1\n',
    });
    expect(await dialogue.say('done2\n', 'done2', seconds(5))).toEqual({ ok: true, value: 'heard: done2\n' });
  });

  it('is refused when it does not come to the mark in time, and from then on', async () => {
    talk('/bin/sh', ECHO);
    const late = await dialogue.say('one\n', 'never said', seconds(0.1));
    expect(late).toEqual({ ok: false, error: '/bin/sh did not answer within 0.1 s and was stopped' });
    expect(await dialogue.say('done\n', 'done', seconds(5))).toEqual(late);
  });

  it('is refused when the program ends', async () => {
    talk('/bin/sh', ['-c', 'read -r line; exit 1']);
    expect(await dialogue.say('x\n', 'x', seconds(5))).toEqual({ ok: false, error: '/bin/sh has ended' });
  });

  it('is refused when there is no such program', async () => {
    talk('no-such-program-here', []);
    const outcome = await dialogue.say('x\n', 'x', seconds(5));
    expect(outcome).toMatchObject({ ok: false, error: expect.stringContaining('no-such-program-here') });
  });

  it('is refused when the system cannot start a program at all', async () => {
    talk('/bin/true', ['x'.repeat(4_000_000)]);
    expect(await dialogue.say('one\n', 'one', seconds(5))).toEqual({
      ok: false,
      error: expect.stringContaining('E2BIG'),
    });
  });
});
