// Runs another program (nft) with a text on its standard input and a limit on its time.

import { type ChildProcess, spawn } from 'node:child_process';
import type { Dialogue, ProgramOutcome, ProgramRunner } from '../base/host.ts';
import { ok, type Result, refused } from '../base/result.ts';
import { after, type Duration } from '../base/time.ts';
import type { NodeClock } from './node-clock.ts';

export class NodePrograms implements ProgramRunner {
  readonly #clock: NodeClock;

  constructor(clock: NodeClock) {
    this.#clock = clock;
  }

  run(
    program: string,
    args: readonly string[],
    input: string,
    endWithin: Duration,
  ): Promise<Result<ProgramOutcome, string>> {
    return new Promise((resolve) => {
      const started = start(program, args, process.env);
      if (!started.ok) {
        resolve(started);
        return;
      }
      const child = started.value;
      let stdout = '';
      let stderr = '';
      // Without file descriptors there are no streams, and an 'error' follows.
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
      });
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      const deadline = (this.#clock.now() + endWithin) as ReturnType<NodeClock['now']>;
      const cancel = this.#clock.wakeAt(deadline, () => {
        child.kill('SIGKILL');
        resolve(refused(`${program} did not end within ${endWithin / 1000} s and was stopped`));
      });
      child.on('error', (error: NodeJS.ErrnoException) => {
        cancel();
        resolve(refused(error.code === 'ENOENT' ? `${program} is not installed` : `${program}: ${error.message}`));
      });
      child.on('close', (exitCode) => {
        cancel();
        resolve(ok({ exitCode: exitCode ?? -1, stdout, stderr }));
      });
      // The program may end without reading its input; its exit code tells.
      child.stdin?.on('error', () => {});
      child.stdin?.end(input);
    });
  }

  talk(program: string, args: readonly string[]): Dialogue {
    return new ProgramDialogue(this.#clock, program, args);
  }
}

// A program that is kept running because starting it costs more than what it is asked to do (`nft -i`).
// Knows nothing of what is said; ends with whoever keeps it, and at the first sign of trouble.

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

// Starts another program. Some failures of that come as an 'error' event and others are thrown, want of memory among
// them: here both cost one request, never the daemon.

/** Failures that Node tells as an event come as one from the child. */
function start(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Result<ChildProcess, string> {
  try {
    return ok(spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env }));
  } catch (error) {
    return refused(`${program}: ${(error as Error).message}`);
  }
}
