// A program that is kept running because starting it costs more than what it is asked to do (`nft -i`).
// Knows nothing of what is said; ends with whoever keeps it, and at the first sign of trouble.

import type { ChildProcess } from 'node:child_process';
import type { Dialogue } from '../base/host.ts';
import { ok, type Result, refused } from '../base/result.ts';
import { after, type Duration } from '../base/time.ts';
import type { NodeClock } from './node-clock.ts';
import { start } from './program-start.ts';

interface Turn {
  readonly until: string;
  readonly settle: (outcome: Result<string, string>) => void;
}

export class ProgramDialogue implements Dialogue {
  readonly #clock: NodeClock;
  readonly #program: string;
  /** Undefined: it could not be started. Without file descriptors it has no streams, and an 'error' follows. */
  readonly #child: ChildProcess | undefined;
  #heard = '';
  #turn: Turn | undefined;
  #end: string | undefined;

  constructor(clock: NodeClock, program: string, args: readonly string[]) {
    this.#clock = clock;
    this.#program = program;
    // Line editors keep a history in the home directory; a daemon's dialogue has no place in anybody's.
    const environment = { ...process.env, HOME: '/dev/null' };
    const started = start(program, args, environment);
    if (!started.ok) {
      this.#end = started.error;
      return;
    }
    const child = started.value;
    this.#child = child;
    child.stdout?.resume();
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#hear(text));
    child.on('error', (error) => this.#finish(`${program}: ${error.message}`));
    child.on('close', () => this.#finish(`${program} has ended`));
    child.stdin?.on('error', () => {});
  }

  say(lines: string, until: string, endWithin: Duration): Promise<Result<string, string>> {
    if (this.#end !== undefined) return Promise.resolve(refused(this.#end));
    if (this.#turn !== undefined) throw new Error(`${this.#program} is asked two things at once`);
    return new Promise((resolve) => {
      const cancel = this.#clock.wakeAt(after(this.#clock.now(), endWithin), () => {
        this.#finish(`${this.#program} did not answer within ${endWithin / 1000} s and was stopped`);
      });
      this.#heard = '';
      this.#turn = {
        until,
        settle: (outcome) => {
          cancel();
          resolve(outcome);
        },
      };
      this.#child?.stdin?.write(lines);
    });
  }

  close(): void {
    this.#finish(`${this.#program} was closed`);
  }

  #hear(text: string): void {
    this.#heard += text;
    const turn = this.#turn;
    if (turn === undefined) return;
    const at = this.#heard.indexOf(turn.until);
    const lineEnd = at < 0 ? -1 : this.#heard.indexOf('\n', at);
    if (lineEnd < 0) return;
    this.#turn = undefined;
    turn.settle(ok(this.#heard.slice(0, lineEnd + 1)));
  }

  #finish(why: string): void {
    this.#end ??= why;
    this.#child?.kill('SIGKILL');
    const turn = this.#turn;
    this.#turn = undefined;
    turn?.settle(refused(why));
  }
}
