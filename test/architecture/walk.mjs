// How many of our files one AddPortMapping executes, from the socket it comes in by to the sockets it leaves by:
// node test/architecture/walk.mjs [--nat nftables]
// A demo of the daemon runs with one module after the other named in its bundle. Two requests warm it up; V8 counts which
// functions the third one calls. Not counted: the PCP server of the demo, which plays the carrier; base/, the words everybody
// speaks; operator/, which only hears of it; and whoever is only asked when it wants to wake. "nftables" needs root.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'igd2pcp-walk-'));
const bundle = join(folder, 'bundle.cjs');
const counted = join(folder, 'counted.json');
const hook = join(folder, 'hook.cjs');
const nat = process.argv.includes('nftables') ? 'nftables' : 'none';

/** Each machine is asked after each event when it wants to wake. */
const ONLY_ASKED = /^(nextWake|earliestWake|get nextWake|wakeFor|isDue|#?\w*[wW]ake\w*)$/;

/** First signal: start to count. Second: write down what was called since. */
const HOOK = `
const { Session } = require('node:inspector');
const session = new Session();
let isCounting = false;
process.on('SIGUSR2', () => {
  if (!isCounting) {
    isCounting = true;
    session.connect();
    session.post('Profiler.enable');
    session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
    return;
  }
  session.post('Profiler.takePreciseCoverage', (_, { result }) => {
    const ours = result.find(({ url }) => url.endsWith('bundle.cjs'));
    require('node:fs').writeFileSync(${JSON.stringify(counted)}, JSON.stringify(ours.functions));
    process.stderr.write('counted\\n');
  });
});
`;

try {
  await build({
    absWorkingDir: root,
    entryPoints: ['src/main.ts'],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    loader: { '.xml': 'text', '.md': 'text' },
    define: { 'process.env.IGD2PCP_VERSION': '"0"' },
    logLevel: 'error',
  });
  writeFileSync(hook, HOOK);
  const files = await filesOfOneAdd();
  const ours = files.filter((file) => !/^src\/(simulator|base|operator)\//.test(file));
  for (const file of ours) console.log(file);
  console.log(`${ours.length} files of ours, nat = "${nat}"`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function filesOfOneAdd() {
  const flags = ['--state-dir', join(folder, 'state'), '--admin', 'off', '--admin-socket', join(folder, 'admin.sock')];
  const args = ['-r', hook, bundle, 'demo', '--http-port', '0', '--nat', nat, ...flags];
  const daemon = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [daemon.stdout, daemon.stderr])
    stream.on('data', (chunk) => {
      said += chunk;
    });
  try {
    const url = await heard(/http:\/\/[\d.]+:\d+\/igd1\.xml/);
    const control = new URL('/control/igd1/WANIPConnection', url);
    for (const port of [40_001, 40_002]) await addPortMapping(control, port);
    daemon.kill('SIGUSR2');
    await pause(500);
    await addPortMapping(control, 40_003);
    daemon.kill('SIGUSR2');
    await heard(/counted/);
    return calledFiles(readFileSync(bundle, 'utf8'), JSON.parse(readFileSync(counted, 'utf8')));
  } finally {
    daemon.kill();
  }

  async function heard(pattern) {
    for (let tries = 0; tries < 100; tries += 1) {
      const found = pattern.exec(said);
      if (found !== null) return found[0];
      await pause(100);
    }
    throw new Error(`the demo did not say ${pattern}:\n${said}`);
  }
}

/** esbuild writes the name of each file above its code. */
function calledFiles(text, functions) {
  const starts = [...text.matchAll(/^\s*\/\/ ((?:src|node_modules)\/\S+)$/gm)].map(({ index, 1: file }) => ({
    index,
    file,
  }));
  const files = new Set();
  for (const { functionName, ranges } of functions) {
    const [{ startOffset, count }] = ranges;
    if (count === 0 || ONLY_ASKED.test(functionName)) continue;
    const home = starts.findLast(({ index }) => index <= startOffset);
    if (home?.file.startsWith('src/')) files.add(home.file);
  }
  return [...files].sort();
}

async function addPortMapping(url, port) {
  const type = 'urn:schemas-upnp-org:service:WANIPConnection:1';
  const given = {
    NewRemoteHost: '',
    NewExternalPort: port,
    NewProtocol: 'TCP',
    NewInternalPort: port,
    NewInternalClient: url.hostname,
    NewEnabled: 1,
    NewPortMappingDescription: 'walk',
    NewLeaseDuration: 3600,
  };
  const inner = Object.entries(given).map(([name, value]) => `<${name}>${value}</${name}>`);
  const body =
    '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
    's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>' +
    `<u:AddPortMapping xmlns:u="${type}">${inner.join('')}</u:AddPortMapping></s:Body></s:Envelope>`;
  const headers = { 'content-type': 'text/xml', soapaction: `"${type}#AddPortMapping"`, connection: 'close' };
  const answer = await fetch(url, { method: 'POST', headers, body });
  if (!answer.ok) throw new Error(`AddPortMapping of ${port}: ${answer.status} ${await answer.text()}`);
  await answer.text();
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
