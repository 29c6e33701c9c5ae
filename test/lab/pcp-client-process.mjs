// Runs inside one namespace: the published library does what the lab asks, line by line. Answers as `agent-process.mjs` does.

import { createInterface } from 'node:readline';
import { PcpClient } from 'igd2pcp/pcp';

const client = new PcpClient({ answerWithin: 8 });
const kept = new Map();
const acts = { announce, map, look, release, close };

for await (const line of createInterface({ input: process.stdin })) {
  const { id, act, ...what } = JSON.parse(line);
  acts[act](what).then(
    (value) => answer(id, { ok: true, ...value }),
    ({ code, resultCode, message }) => answer(id, { ok: false, why: `${code}: ${message}`, code, resultCode }),
  );
}

function answer(id, value) {
  process.stdout.write(`${JSON.stringify({ id, ...value })}\n`);
}

function announce() {
  return client.announce();
}

/** Under a name, by which it is looked at and released. */
async function map({ name, ...options }) {
  const mapping = await client.map(options);
  const seen = { mapping, changes: 0, losses: 0 };
  mapping.on('change', () => {
    seen.changes += 1;
  });
  mapping.on('lost', () => {
    seen.losses += 1;
  });
  kept.set(name, seen);
  return look({ name });
}

async function look({ name }) {
  const { mapping, changes, losses } = kept.get(name);
  const { state, internalAddress, externalAddress, externalPort } = mapping;
  return { state, internalAddress, externalAddress, externalPort, changes, losses };
}

async function release({ name }) {
  await kept.get(name).mapping.release();
  return {};
}

async function close() {
  await client.close();
  return {};
}
