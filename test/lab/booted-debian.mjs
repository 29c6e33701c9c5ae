// A Debian that was really booted: systemd as process 1, in the network of one of the lab's namespaces.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LabProcess } from './namespaces.mjs';
import { until } from './report.mjs';

/** Beside the run's folder, under a fixed name: a crashed run's trees are found again. */
const PLACE = '/var/tmp/igd2pcp-lab-debian';

export class BootedDebian {
  #process;
  #netns;
  #log;
  root;

  /** `base` is copied; `prepare` may change the copy before it is booted. */
  static async boot(namespaces, name, { folder, set, base, prepare }) {
    const machine = new BootedDebian();
    machine.root = join(PLACE, set);
    machine.#netns = namespaces.full(name);
    machine.#log = createWriteStream(join(folder, `${set}-boot.log`), { flags: 'a' });
    mkdirSync(PLACE, { recursive: true });
    await promisify(execFile)('cp', ['-a', base, machine.root]);
    await prepare(machine.root);
    machine.#start();
    await machine.#isUp();
    return machine;
  }

  #start() {
    const args = ['--quiet', `--directory=${this.root}`, `--network-namespace-path=/run/netns/${this.#netns}`];
    const apart = ['--register=no', '--keep-unit', '--link-journal=no', '--resolv-conf=off', '--timezone=off'];
    // nspawn knows no reason why a machine in somebody's network should change it.
    const child = spawn('systemd-nspawn', [...args, ...apart, '--capability=CAP_NET_ADMIN', '--boot'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) stream.pipe(this.#log, { end: false });
    this.#process = new LabProcess(child);
  }

  /** Process 1 of the machine, as this machine counts. */
  get #init() {
    const { pid } = this.#process;
    try {
      return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0];
    } catch {
      return '';
    }
  }

  #isUp() {
    return until('Debian is booted', 90_000, async () => {
      if (!this.#process.isRunning) throw new Error('systemd-nspawn ended: see its log');
      if (this.#init === '') return false;
      const { output } = await this.run('systemctl is-system-running || true');
      return /^(running|degraded)$/m.test(output);
    });
  }

  /** A script of root's, as at its prompt; never throws. */
  async run(script, timeoutMs = 90_000) {
    const inside = ['--mount', '--uts', '--ipc', '--net', '--pid', '--root', '--wd'];
    const environment = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root'];
    const command = ['env', '-i', ...environment, 'sh', '-ec', `cd /root\n${script}`];
    const child = spawn('nsenter', ['--target', this.#init, ...inside, ...command], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    const [code] = await once(child, 'close');
    clearTimeout(timer);
    this.#log.write(`\n# ${script}\n${output}[exit code ${code}]\n`);
    return { code, output };
  }

  async reboot() {
    await this.run('systemctl reboot');
    // With --keep-unit nspawn leaves it to others to start the machine again.
    await until('Debian goes down', 60_000, async () => !this.#process.isRunning);
    this.#start();
    await this.#isUp();
  }

  async stop() {
    // Asked once, it shuts down; asked twice, at once.
    this.#process.signal('SIGTERM');
    await until('Debian shuts down', 30_000, async () => !this.#process.isRunning).catch(() => {});
    await this.#process.stop('SIGTERM');
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Trees that a crashed run left; its processes are gone with their namespace. */
export function removeTrees() {
  rmSync(PLACE, { recursive: true, force: true });
}
