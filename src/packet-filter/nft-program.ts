// How `nft` is called and how its failures read in one line. Running it is the caller's business.

import type { ProgramOutcome } from '../base/host.ts';
import { ok, type Result, refused } from '../base/result.ts';
import { elementKey, type NftElement } from './nat1-elements.ts';
import { NFT_TABLE } from './nft-ruleset.ts';

export interface NftCall {
  readonly args: readonly string[];
  readonly input: string;
  /** Elements and nothing else, one command per line: may be said to an `nft -i` that is kept. */
  readonly isElementsOnly?: boolean;
}

export type NftOutcome = Result<ProgramOutcome, string>;

/** A transaction: the whole script or nothing of it. */
export const nftScript = (input: string): NftCall => ({ args: ['-f', '-'], input });

export const nftElements = (input: string): NftCall => ({ ...nftScript(input), isElementsOnly: true });

export const nftListTable = (): NftCall => ({ args: ['-j', 'list', 'table', ...NFT_TABLE.split(' ')], input: '' });

/** Terse: our rules; and nothing but an error unless each of these elements is there. */
export const nftGlance = (elements: readonly NftElement[]): NftCall => ({
  args: ['-j', '-t', '-f', '-'],
  input: [
    `list table ${NFT_TABLE}`,
    ...elements.map((element) => `get element ${NFT_TABLE} ${element.map} { ${elementKey(element)} }`),
    '',
  ].join('\n'),
});

/** Terse: everybody's rules without the elements of their sets. */
export const nftListRuleset = (): NftCall => ({ args: ['-j', '-t', 'list', 'ruleset'], input: '' });

/** What nft printed, or in one line why it failed. */
export function nftSuccess(outcome: NftOutcome): Result<string, string> {
  if (!outcome.ok) return refused(outcome.error);
  if (outcome.value.exitCode === 0) return ok(outcome.value.stdout);
  return refused(`nft failed: ${firstComplaint(outcome.value)}`);
}

/** nft says so, with exit code 1, when a table, map or element is not there. */
export const saysNotThere = (outcome: NftOutcome): boolean =>
  outcome.ok && outcome.value.exitCode !== 0 && outcome.value.stderr.includes('No such file or directory');

function firstComplaint({ exitCode, stderr }: ProgramOutcome): string {
  const line = stderr.split('\n').find((text) => text.trim() !== '');
  return line === undefined ? `exit code ${exitCode} without a word` : line.trim();
}
