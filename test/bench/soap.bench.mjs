// What one control request costs us, from the HTTP value to the response value: AddPortMapping against a gateway that
// grants at once, so that only reading, checking and writing is measured. Run: node test/bench/soap.bench.mjs

import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const folder = await mkdtemp(join(here, '.soap-'));
try {
  const outfile = join(folder, 'soap.mjs');
  await build({
    stdin: {
      contents: `export { IgdUnderTest, soapBody } from '../doubles/igd-under-test.ts';
                 export { parseXml } from '../../src/base/xml.ts';`,
      resolveDir: here,
      loader: 'ts',
    },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    define: { 'import.meta.url': JSON.stringify(new URL('../doubles/x.ts', import.meta.url).href) },
  });
  const { IgdUnderTest, soapBody, parseXml } = await import(pathToFileURL(outfile).href);
  await report(IgdUnderTest, soapBody, parseXml);
} finally {
  await rm(folder, { recursive: true });
}

async function report(IgdUnderTest, soapBody, parseXml) {
  const startedAt = performance.now();
  const igd = new IgdUnderTest();
  console.log(
    `${'both devices, from texts to handlers'.padEnd(44)} ${(performance.now() - startedAt).toFixed(1)} ms, once`,
  );

  const type = 'urn:schemas-upnp-org:service:WANIPConnection:1';
  const path = '/control/igd1/WANIPConnection';
  const service = igd.devices.controlled.get(path);
  const request = (action, given) => ({
    method: 'POST',
    path,
    query: '',
    headers: { soapaction: `"${type}#${action}"`, host: '192.168.1.1:5000' },
    body: soapBody(type, action, given),
    bodyTooLong: false,
    httpVersion: '1.1',
    peer: { address: igd.devices === undefined ? undefined : ADDRESS(igd), port: 51000 },
    local: { address: ADDRESS(igd), port: 5000 },
    hungUp: new AbortController().signal,
  });
  const add = request('AddPortMapping', {
    NewRemoteHost: '',
    NewExternalPort: '6881',
    NewProtocol: 'TCP',
    NewInternalPort: '6881',
    NewInternalClient: '192.168.1.77',
    NewEnabled: '1',
    NewPortMappingDescription: 'libtorrent',
    NewLeaseDuration: '0',
  });
  const remember = () => {
    igd.gateway.askers.length = 0;
    igd.gateway.wishes.length = 0;
    igd.events.length = 0;
  };
  await measure('AddPortMapping, request to response', async () => {
    await igd.endpoint.handle(add, service, 0);
    remember();
  });
  const status = request('GetStatusInfo', {});
  await measure('GetStatusInfo, request to response', async () => {
    await igd.endpoint.handle(status, service, 0);
    remember();
  });
  const broken = { ...add, body: add.body.replace('</s:Body>', '') };
  await measure('a broken body, request to 400', async () => {
    await igd.endpoint.handle(broken, service, 0);
    remember();
  });
  const limits = { characters: 16_384, tags: 256 };
  await measure('  of it: reading the XML', async () => parseXml(add.body, limits));
  const flood = `<a>${'&amp;'.repeat(3200)}</a>`;
  await measure('16 KB of entities, refused or not', async () => parseXml(flood, limits));
  const attributes = `<a ${Array.from({ length: 1800 }, (_, i) => `a${i}="1"`).join(' ')}/>`;
  await measure('16 KB of attributes', async () => parseXml(attributes.slice(0, 16_380), limits));
}

function ADDRESS(igd) {
  return igd.gateway.address;
}

async function measure(what, run) {
  const cold = await timed(run);
  for (let i = 0; i < 2000; i += 1) await run();
  const samples = [];
  for (let i = 0; i < 3000; i += 1) samples.push(await timed(run));
  samples.sort((a, b) => a - b);
  const at = (share) => (samples[Math.floor(samples.length * share)] * 1000).toFixed(0).padStart(5);
  console.log(`${what.padEnd(44)} p50 ${at(0.5)} µs   p99 ${at(0.99)} µs   first ${(cold * 1000).toFixed(0)} µs`);
}

async function timed(run) {
  const before = performance.now();
  await run();
  return performance.now() - before;
}
