// Network namespaces joined by veth, with no link to the outside, and the processes in them.
// Every name begins with one prefix, so that what a crashed run left behind is found and removed by the next.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';

const PREFIX = 'igd2pcp-lab-';

export class Namespaces {
  #folder;
  #names = new Map();
  #processes = new Set();
  #links = 0;
  #set;

  /** `set` tells topologies that run at the same time apart. */
  constructor(folder, set) {
    this.#folder = folder;
    this.#set = set;
  }

  add(name) {
    const full = `${PREFIX}${this.#set}-${name}`;
    ip('netns', 'add', full);
    this.#names.set(name, full);
    this.run(name, 'ip', 'link', 'set', 'lo', 'up');
  }

  /** A cable between two namespaces; each end gets its name and comes up. */
  link(one, oneInterface, other, otherInterface) {
    this.#links += 1;
    const tag = `lab${process.pid % 10_000}${this.#set.slice(0, 2)}${this.#links}`;
    ip('link', 'add', `${tag}a`, 'type', 'veth', 'peer', 'name', `${tag}b`);
    for (const [end, name, final] of [
      [`${tag}a`, one, oneInterface],
      [`${tag}b`, other, otherInterface],
    ]) {
      ip('link', 'set', end, 'netns', this.full(name));
      this.run(name, 'ip', 'link', 'set', end, 'name', final, 'up');
    }
  }

  full(name) {
    const full = this.#names.get(name);
    if (full === undefined) throw new Error(`no namespace ${name}`);
    return full;
  }

  /** Runs to its end; throws with its words when it fails. */
  run(name, program, ...args) {
    return execFileSync('ip', ['netns', 'exec', this.full(name), program, ...args], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
  }

  nft(name, script) {
    execFileSync('ip', ['netns', 'exec', this.full(name), 'nft', '-f', '-'], { input: script, stdio: 'pipe' });
  }

  /** Runs to its end or until `timeoutMs`; never throws. */
  async attempt(name, timeoutMs, program, ...args) {
    const child = spawn('ip', ['netns', 'exec', this.full(name), program, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    const [code] = await once(child, 'close');
    clearTimeout(timer);
    return { code, output };
  }

  /** A process that stays; its output goes to `<log>.log` in the run's folder. */
  start(name, log, program, args, options = {}) {
    const child = spawn('ip', ['netns', 'exec', this.full(name), program, ...args], {
      stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      cwd: this.#folder,
    });
    const file = createWriteStream(join(this.#folder, `${this.#set}-${log}.log`), { flags: 'a' });
    if (options.keepStdout !== true) child.stdout.pipe(file, { end: false });
    child.stderr.pipe(file, { end: false });
    const process_ = new LabProcess(child);
    this.#processes.add(process_);
    child.once('close', () => this.#processes.delete(process_));
    return process_;
  }

  async close() {
    await Promise.all([...this.#processes].map((each) => each.stop('SIGKILL')));
    for (const full of this.#names.values()) removeNamespace(full);
    this.#names.clear();
  }
}

/** `ip netns exec` becomes the program it was told to run, so the child's id is the program's own. */
export class LabProcess {
  #child;
  #closed;

  constructor(child) {
    this.#child = child;
    this.#closed = once(child, 'close');
  }

  get pid() {
    return this.#child.pid;
  }
  get stdin() {
    return this.#child.stdin;
  }
  get stdout() {
    return this.#child.stdout;
  }
  get isRunning() {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }
  signal(signal) {
    if (this.isRunning) this.#child.kill(signal);
  }
  /** Returns the exit code; null when a signal ended it. */
  async stop(signal = 'SIGTERM') {
    if (!this.isRunning) return this.#child.exitCode;
    this.#child.kill(signal);
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    await this.#closed;
    clearTimeout(late);
    return this.#child.exitCode;
  }
}

/** What a run that crashed left behind. */
export function removeLeftovers() {
  for (const line of ip('netns', 'list').split('\n')) {
    const [full = ''] = line.split(' ');
    if (full.startsWith(PREFIX)) removeNamespace(full);
  }
}

function removeNamespace(full) {
  for (const pid of ip('netns', 'pids', full)
    .split('\n')
    .filter((line) => line !== '')) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It ended by itself meanwhile.
    }
  }
  ip('netns', 'delete', full);
}

function ip(...args) {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: 'pipe' });
}
