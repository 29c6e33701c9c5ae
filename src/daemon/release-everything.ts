// `igd2pcp delete --all` where no daemon runs, as when the package is removed: what the state file knows is deleted at the
// carrier, and the nftables table goes. What the carrier does not answer for stays owed in the state file.

import { Driver } from '../base/drive.ts';
import type { Host } from '../base/host.ts';
import { ok, type Result, refused } from '../base/result.ts';
import { type Duration, seconds } from '../base/time.ts';
import type { Config } from '../config/config.ts';
import { createGateway } from '../interworking/create-gateway.ts';
import type { EmptiedTable } from '../interworking/delete-all-mappings.ts';
import { nftScript, nftSuccess } from '../packet-filter/nft-program.ts';
import { NFT_TABLE, renderTableRemoval } from '../packet-filter/nft-ruleset.ts';
import { createPcpSession } from '../upstream/pcp-session.ts';
import { gatewayOptionsOf, policyOf } from './gateway-settings.ts';
import { openStateDirectory } from './state-directory.ts';

/** Time for three packets to a server that loses some (RFC 6887 §8.1.1), within the patience of a package manager. */
export const DELETE_ALL_WITHIN: Duration = seconds(10);
const NFT_ENDS_WITHIN = seconds(10);

/** The error is a sentence for the person at the box. */
export async function releaseEverything(host: Host, config: Config): Promise<Result<EmptiedTable, string>> {
  const emptied = await emptyState(host, config);
  const problem = config.wan.nat === 'nftables' ? await removeTable(host) : undefined;
  if (!emptied.ok || problem === undefined) return emptied;
  return refused(`${emptied.value.deleted} mappings are deleted, but ${problem}`);
}

async function emptyState(host: Host, config: Config): Promise<Result<EmptiedTable, string>> {
  const { directory } = config.state;
  // Nothing is made where nothing is.
  if (await isMissing(host, directory)) return ok({ deleted: 0, left: [] });
  const state = await openStateDirectory(host, directory);
  if (!state.ok) return state;
  const { table, file, stored, identity, giveBack } = state.value;
  const driver = new Driver(host.clock);
  const onlyIPv4 = config.wan.nat === 'nftables';
  const pcp = await createPcpSession({ host, driver, config: { ...config.pcp, onlyIPv4 } });
  for (const mapping of stored) table.put(mapping);
  const gateway = createGateway({
    table,

    pcp,
    localNat: undefined,
    policy: () => policyOf(config, []),
    options: { ...gatewayOptionsOf(config, config.pcp.trusted), externalAddress: 'off' },
    now: () => host.clock.now(),
    wallTime: () => host.clock.wallTime(),
    random: host.random,
    drawNonce: (owner) => host.keyedHash(identity.nonceSecret, owner),
    log: host.log,
    macOf: () => undefined,
    durable: () => file.settled(),
    diskProblem: () => undefined,
  });
  const driven = driver.add('mappings', gateway.machine, (output) => gateway.perform(output));
  gateway.onWakeMoved(() => driven.run(() => []));
  await file.begin();
  gateway.start([]);
  const emptied = await gateway.deleteAll(DELETE_ALL_WITHIN);
  gateway.stop();
  pcp.close();
  await file.close();
  driver.close();
  await giveBack();
  return ok(emptied);
}

async function isMissing({ files }: Host, directory: string): Promise<boolean> {
  const reads = await Promise.all(
    ['mappings.json', 'mappings.journal'].map((name) => files.read(`${directory}/${name}`)),
  );
  return reads.every((read) => !read.ok && read.error.kind === 'missing');
}

/** Undefined: it is gone. */
async function removeTable({ soleUses, programs }: Host): Promise<string | undefined> {
  const use = await soleUses.inNetwork(NFT_TABLE);
  if (use.kind === 'taken') return `nftables table ${NFT_TABLE} stays: another igd2pcp keeps it`;
  const { args, input } = nftScript(renderTableRemoval());
  const removed = nftSuccess(await programs.run('nft', args, input, NFT_ENDS_WITHIN));
  if (use.kind === 'mine') await use.giveBack();
  return removed.ok ? undefined : `nftables table ${NFT_TABLE} could not be removed: ${removed.error}`;
}
