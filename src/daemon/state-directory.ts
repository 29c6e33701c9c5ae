// What one life of the daemon hands to the next, opened: the sole use of the directory, who we are, the table, and what is
// owed to servers. What cannot be written is a warning: a gateway without memory is better than none. What is there and
// cannot be read stops the start: without its nonces we would be locked out of our own mappings (RFC 6887 §11.2).

import type { FileProblem, Host, SoleUse } from '../base/host.ts';
import { ok, type Result, refused } from '../base/result.ts';
import { type DeviceIdentity, loadDeviceIdentity } from '../lan/device-identity.ts';
import type { Mapping } from '../mapping/mapping.ts';
import { MappingFile } from '../mapping/mapping-file.ts';
import { MappingTable } from '../mapping/mapping-table.ts';

export interface StateDirectory {
  readonly identity: DeviceIdentity;
  /** Empty yet. */
  readonly table: MappingTable;
  readonly file: MappingFile;
  /** What was in force when the last life ended. */
  readonly stored: readonly Mapping[];
  /** Nobody else may have it from here on until this is called. */
  giveBack(): Promise<void>;
}

/** The error is a sentence for the person who starts the program. */
export async function openStateDirectory(host: Host, directory: string): Promise<Result<StateDirectory, string>> {
  const { files, log } = host;
  const made = await files.makeDirectory(directory, 0o700);
  if (!made.ok) log.warn(`mappings will not survive a restart: ${made.error.message} (state.directory)`);
  const use = await host.soleUses.ofDirectory(directory);
  if (use.kind === 'taken')
    return refused(`another igd2pcp uses ${directory}: give each its own (state.directory or --state-dir)`);
  if (use.kind === 'impossible')
    log.warn(`another igd2pcp with this state directory would not be noticed: ${use.message}`);
  const giveBack = giverBack(use);
  const state = await readState(host, directory);
  if (state.ok) return ok({ ...state.value, giveBack });
  await giveBack();
  return refused(whatToDo(state.error, directory));
}

async function readState(
  host: Host,
  directory: string,
): Promise<Result<Omit<StateDirectory, 'giveBack'>, FileProblem>> {
  const { files, random, clock, log } = host;
  const table = new MappingTable();
  const reading = () => ({ now: clock.now(), wall: clock.wallTime() });
  const file = new MappingFile({ files, directory, table, clock: reading, log });
  const stored = await file.load();
  if (!stored.ok) return stored;
  const loaded = await loadDeviceIdentity(files, directory, random, clock.wallTime());
  if (!loaded.ok) return loaded;
  const { identity, problem } = loaded.value;
  if (problem !== undefined) log.warn(`UUIDs will change at the next start: ${problem}`);
  return ok({ identity, table, file, stored: stored.value });
}

const giverBack =
  (use: SoleUse): (() => Promise<void>) =>
  async () => {
    if (use.kind === 'mine') await use.giveBack();
  };

/** Mostly somebody ran the daemon as root before its service ran as its own user. */
function whatToDo({ kind, message }: FileProblem, directory: string): string {
  const problem = `cannot read the state: ${message}`;
  if (kind !== 'denied') return `${problem}; repair or remove it (state.directory)`;
  return `${problem}; give it to the user that runs igd2pcp: chown -R igd2pcp: ${directory}`;
}
