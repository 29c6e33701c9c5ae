import { beforeEach, describe, expect, it } from 'vitest';
import type { Dialogue } from '../../src/base/host.ts';
import { ok, type Result, refused } from '../../src/base/result.ts';
import { after, seconds } from '../../src/base/time.ts';
import { nftElements, nftListTable, nftScript, nftSuccess } from '../../src/packet-filter/nft-program.ts';
import { NftShell } from '../../src/packet-filter/nft-shell.ts';
import { type SimulatedHost, SimulatedWorld } from '../doubles/simulated-host.ts';

const MARK_REFUSED = (mark: string) => `Error: syntax error, unexpected newline, expecting string\n${mark}\n`;

/** An interactive nft: complains of `bad` lines, and always of the mark. The caret of the last complaint comes late. */
class KeptNft implements Dialogue {
  readonly said: string[] = [];
  isClosed = false;
  isBroken = false;
  #late = '';

  async say(lines: string, until: string): Promise<Result<string, string>> {
    if (this.isBroken) return refused('nft has ended');
    const [line = ''] = lines.split('\n');
    this.said.push(line);
    const complaint = line.includes('bad') ? `Error: Could not process rule: No such file\n${line}\n   ^^^\n` : '';
    const heard = this.#late + complaint + MARK_REFUSED(until);
    this.#late = '     ^\n';
    return ok(heard);
  }

  close(): void {
    this.isClosed = true;
  }
}

describe('the shell around nft', () => {
  let host: SimulatedHost;
  let shell: NftShell;
  let kept: KeptNft[];
  let processes: string[];
  let makesBroken: boolean;

  beforeEach(() => {
    host = new SimulatedWorld().host([{ name: 'lan0', address: '192.168.1.1/24' }]);
    kept = [];
    processes = [];
    makesBroken = false;
    host.programs = {
      run: async (_program, args, input) => {
        processes.push(`${args.join(' ')}|${input}`);
        return ok({ exitCode: 0, stdout: '', stderr: '' });
      },
      talk: () => {
        const nft = new KeptNft();
        nft.isBroken = makesBroken;
        kept.push(nft);
        return nft;
      },
    };
    shell = new NftShell(host);
  });

  it('says changes of elements to one nft, a transaction on one line', async () => {
    expect(nftSuccess(await shell.run(nftElements('add a\nadd b\n')))).toEqual(ok(''));
    expect(nftSuccess(await shell.run(nftElements('add c\n')))).toEqual(ok(''));
    expect(kept.map((nft) => nft.said)).toEqual([['add a; add b', 'add c']]);
    expect(processes).toEqual([]);
  });

  it('reads its complaint as the failure of that line and no other', async () => {
    const failed = await shell.run(nftElements('bad\n'));
    expect(nftSuccess(failed)).toEqual({
      ok: false,
      error: 'nft failed: Error: Could not process rule: No such file',
    });
    expect(nftSuccess(await shell.run(nftElements('good\n')))).toEqual(ok(''));
    expect(processes).toEqual([]);
  });

  it('gives rules, listings and long scripts a process of their own', async () => {
    const long = 'add element\n'.repeat(1000);
    for (const call of [nftScript('add table\n'), nftListTable(), nftElements(long)]) await shell.run(call);
    expect(processes).toHaveLength(3);
    expect(kept).toEqual([]);
  });

  it('turns to a process when the kept one breaks, and tries a new one later', async () => {
    await shell.run(nftElements('one\n'));
    if (kept[0] !== undefined) kept[0].isBroken = true;
    expect(nftSuccess(await shell.run(nftElements('two\n')))).toEqual(ok(''));
    expect(processes).toEqual(['-f -|two\n']);
    expect(kept[0]?.isClosed).toBe(true);
    await shell.run(nftElements('three\n'));
    expect(kept[1]?.said).toEqual(['three']);
  });

  it('asks an nft without an interactive mode only once', async () => {
    makesBroken = true;
    await shell.run(nftElements('one\n'));
    await shell.run(nftElements('two\n'));
    expect(kept).toHaveLength(1);
    expect(processes).toEqual(['-f -|one\n', '-f -|two\n']);
  });

  it('wants to end it after half a minute without work', async () => {
    await shell.run(nftElements('one\n'));
    const now = host.clock.now();
    expect(shell.nextWake()?.at).toBe(after(now, seconds(30)));
    expect(shell.handleTimeout(now)).toEqual([]);
    expect(shell.handleTimeout(after(now, seconds(30)))).toEqual([{ kind: 'close' }]);
    shell.close();
    expect(kept[0]?.isClosed).toBe(true);
    expect(shell.nextWake()).toBeUndefined();
  });

  it('starts it afresh now and then, because it remembers each line', async () => {
    for (let line = 0; line < 2001; line += 1) await shell.run(nftElements('one\n'));
    expect(kept).toHaveLength(2);
    expect(kept[0]?.isClosed).toBe(true);
  });
});
