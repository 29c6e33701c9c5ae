// The control-point harness on the command line: plays real clients' call sequences against any gateway.
//   npm run control-point -- --client azureus http://192.168.1.1:5000/igd1.xml

import { parseArgs } from 'node:util';
import type { Host } from '../../src/base/host.ts';
import { IpAddress } from '../../src/base/ip-address.ts';
import { SILENT_LOG } from '../../src/base/log.ts';
import { createNodeHost } from '../../src/platform/node-host.ts';
import { CLIENTS, clientNamed } from './clients/client-catalogue.ts';
import type { ClientProfile } from './clients/client-profile.ts';
import { type PlayReport, play } from './control-point.ts';
import { parseUrl } from './control-point-http.ts';
import { nodeControlPointHttp } from './control-point-node-http.ts';

const USAGE = `Usage: control-point [--client NAME|all] [options] [URL of a device description]

Without a URL the gateway is searched for, in the client's own way.
  --list             the clients there are
  --client NAME      which one to play; "all" plays one after the other (default)
  --from ADDRESS     our own address, which becomes the internal client
  --gateway ADDRESS  for clients that search the gateway by its address
  --external PORT    external port to ask for (default 16881); the next client asks for the next port
  --internal PORT    internal port (default 16881)
  --any-address      be content with an external address that is not a public one
  --quiet            only whether each client is content
  --json             one report as JSON per line`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      list: { type: 'boolean' },
      help: { type: 'boolean' },
      client: { type: 'string', default: 'all' },
      from: { type: 'string' },
      gateway: { type: 'string' },
      external: { type: 'string', default: '16881' },
      internal: { type: 'string', default: '16881' },
      'any-address': { type: 'boolean', default: false },
      quiet: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  if (values.help) return say(USAGE, 0);
  if (values.list) return say(CLIENTS.map((one) => `${one.key.padEnd(18)}${one.title}`).join('\n'), 0);
  const clients = chosen(values.client);
  if (clients === undefined) return say(`no client is called "${values.client}": see --list`, 2);
  const host = createNodeHost(SILENT_LOG);
  const [location] = positionals;
  const own = await ownAddress(host, values.from, location);
  if (own === undefined) return say('which address is ours? Say --from ADDRESS', 2);
  const gateway = IpAddress.parse(values.gateway ?? '') ?? parseUrl(location ?? '')?.endpoint.address;
  let isAnybodyDiscontent = false;
  const isStopped = stopOnSignal();
  // Each its own port: what one leaves behind must not be in the next one's way.
  for (const [index, client] of clients.entries()) {
    if (isStopped()) break;
    const report = await play(client, {
      host,
      http: nodeControlPointHttp(host, own),
      own,
      externalPort: Number(values.external) + index,
      internalPort: Number(values.internal) + index,
      takesAnyAddress: values['any-address'],
      tidiesUp: true,
      isStopped,
      ...(location === undefined ? {} : { location }),
      ...(gateway === undefined ? {} : { gateway }),
    });
    isAnybodyDiscontent ||= !report.isContent;
    tell(report, values.json ? JSON.stringify({ ...report, client: client.key }) : asText(report, values.quiet));
  }
  return isAnybodyDiscontent || isStopped() ? 1 : 0;
}

function tell(report: PlayReport, text: string): void {
  say(text, 0);
  for (const port of report.leftOpen) say(`still open at the gateway: ${port}`, 1);
}

/** Ctrl-C: the step that is under way ends, then what was opened is deleted. A later one ends at once. */
function stopOnSignal(): () => boolean {
  let first: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // `npm` and the terminal both send the first one.
      if (first !== undefined && performance.now() - first > 500) process.exit(1);
      first ??= performance.now();
    });
  }
  return () => first !== undefined;
}

const chosen = (key: string): readonly ClientProfile[] | undefined => {
  if (key === 'all') return CLIENTS;
  const client = clientNamed(key);
  return client === undefined ? undefined : [client];
};

/** The address our packets to the gateway come from, or that of the first interface that is not loopback. */
async function ownAddress(
  host: Host,
  from: string | undefined,
  location: string | undefined,
): Promise<IpAddress | undefined> {
  if (from !== undefined) return IpAddress.parse(from);
  const gateway = parseUrl(location ?? '')?.endpoint;
  if (gateway === undefined) {
    return host.network.interfaces().find((row) => row.address.isIPv4 && !row.isLoopback)?.address;
  }
  const opened = await host.udp.open({ peer: gateway }, { datagram: () => {} });
  if (!opened.ok) return undefined;
  opened.value.close();
  return opened.value.local.address;
}

function asText(report: PlayReport, isQuiet: boolean): string {
  const verdict = report.isContent ? 'content' : 'gives up';
  const head = `${report.client.title}: ${verdict}`;
  if (isQuiet) return head;
  const lines = report.steps.map(({ what, sent, got, problem }) => {
    const mark = problem === undefined ? '  ok  ' : '  FAIL';
    return `${mark} ${what}${sent === '' ? '' : `\n         > ${sent}`}\n         < ${got}${problem === undefined ? '' : `\n         ! ${problem}`}`;
  });
  return [head, `       (${report.client.source})`, ...lines, ''].join('\n');
}

function say(text: string, status: number): number {
  if (status === 0) console.log(text);
  else console.error(text);
  return status;
}

void main().then((status) => {
  process.exitCode = status;
});
