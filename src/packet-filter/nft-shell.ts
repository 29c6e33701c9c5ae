// Runs nft. Small changes of elements are said to one `nft -i` that is kept while there is work: a fraction of the time
// a process of its own takes, and nothing is read again that is known. Everything else, and everything after trouble,
// goes to a fresh process; an nft built without its interactive mode costs one try.

import type { Dialogue, Host } from '../base/host.ts';
import type { Machine, Wake } from '../base/machine.ts';
import { ok, type Result } from '../base/result.ts';
import { after, type Instant, seconds } from '../base/time.ts';
import type { NftCall, NftOutcome } from './nft-program.ts';

/** 1,000 elements take 12 ms on a two-core machine: an nft that is not back by then hangs. */
const NFT_ENDS_WITHIN = seconds(10);
/** Short enough that a quiet box does not carry its five MiB. */
const KEPT_FOR = seconds(30);
/** It remembers each line for the arrow keys that nobody will press: after so many it is started afresh. */
const MOST_LINES = 2000;
/** Its line editor takes octet by octet; longer scripts are done sooner by a process of their own. */
const LONGEST_LINE = 8000;

export type NftShellOutput = { readonly kind: 'close' };

export class NftShell implements Machine<NftShellOutput> {
  readonly #host: Host;
  #dialogue: Dialogue | undefined;
  #lines = 0;
  #idleAt: Instant | undefined;
  #hasWorked = false;
  #isOfNoUse = false;

  constructor(host: Host) {
    this.#host = host;
  }

  async run(call: NftCall): Promise<NftOutcome> {
    if (call.isElementsOnly === true && call.input.length <= LONGEST_LINE && !this.#isOfNoUse) {
      const outcome = await this.#say(call.input);
      if (outcome?.ok === true) return outcome;
    }
    return this.#host.programs.run('nft', call.args, call.input, NFT_ENDS_WITHIN);
  }

  nextWake(): Wake | undefined {
    return this.#idleAt === undefined ? undefined : { at: this.#idleAt, why: 'end the idle nft' };
  }

  handleTimeout(now: Instant): readonly NftShellOutput[] {
    return this.#idleAt !== undefined && this.#idleAt <= now ? [{ kind: 'close' }] : [];
  }

  close(): void {
    this.#dialogue?.close();
    this.#dialogue = undefined;
    this.#idleAt = undefined;
    this.#lines = 0;
  }

  /** Undefined where this host keeps no programs. */
  async #say(script: string): Promise<NftOutcome | undefined> {
    if (this.#lines >= MOST_LINES) this.close();
    this.#dialogue ??= this.#host.programs.talk?.('nft', ['-i']);
    const dialogue = this.#dialogue;
    if (dialogue === undefined) return undefined;
    this.#lines += 1;
    const mark = endMark(this.#lines);
    // One line is one transaction. What nft says to the word after it, which is no command, tells that the line is done.
    const heard = await dialogue.say(`${asOneLine(script)}\n${mark}\n`, mark, NFT_ENDS_WITHIN);
    if (this.#dialogue === dialogue) this.#idleAt = after(this.#host.clock.now(), KEPT_FOR);
    if (!heard.ok) {
      this.#isOfNoUse = !this.#hasWorked;
      this.close();
      return heard;
    }
    this.#hasWorked = true;
    return outcomeOf(heard.value);
  }
}

const endMark = (line: number): string => `igd2pcp_done_${line}_`;

const asOneLine = (script: string): string => script.trimEnd().replaceAll('\n', '; ');

/** All but the complaint about the mark: nothing, when the line was fine. */
function outcomeOf(heard: string): Result<{ exitCode: number; stdout: string; stderr: string }, string> {
  const lines = heard.split('\n').filter((line) => !/^[\s^~]*$/.test(line));
  const stderr = lines.slice(0, -2).join('\n');
  return ok({ exitCode: stderr === '' ? 0 : 1, stdout: '', stderr });
}
