// `igd2pcp delete --all`: by the daemon where one runs, else from what it left on the disk. Exit code 1 when a carrier may
// still hold something.

import type { Result } from '../base/result.ts';
import { durationInWords, seconds } from '../base/time.ts';
import type { EmptiedJson } from '../operator/api-schema.ts';
import type { Emptied } from '../operator/operator-source.ts';
import { emptiedJson } from '../operator/status-json.ts';
import { type AdminCall, askDaemon, type CommandOutcome, failed } from './admin-call.ts';

export async function deleteAllCommand(
  call: AdminCall,
  withoutDaemon: () => Promise<Result<Emptied, string>>,
  json: boolean,
): Promise<CommandOutcome> {
  const request = { method: 'DELETE', path: '/api/mappings?all=true' } as const;
  const answer = await call(request);
  if (answer.ok) {
    const emptied = await askDaemon(async () => answer, request, 'emptied');
    return emptied.ok ? outcomeOf(emptied.value, json) : failed(emptied.error);
  }
  // A daemon that runs and does not answer keeps its state directory: then this is refused, too.
  const emptied = await withoutDaemon();
  return emptied.ok ? outcomeOf(emptiedJson(emptied.value), json) : failed(`${emptied.error} (${answer.error})`);
}

function outcomeOf(emptied: EmptiedJson, json: boolean): CommandOutcome {
  const { deleted, left } = emptied;
  const lines = left.map(
    ({ what, server, why, endsInSeconds }) =>
      `igd2pcp: ${what} may still be open at ${server}: ${why}; it ends by itself within ${durationInWords(seconds(endsInSeconds))}\n`,
  );
  const stdout = json
    ? `${JSON.stringify(emptied)}\n`
    : `${deleted === 1 ? '1 mapping is' : `${deleted} mappings are`} deleted\n`;
  return { exitCode: left.length === 0 ? 0 : 1, stdout, stderr: json ? '' : lines.join('') };
}
