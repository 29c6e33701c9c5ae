// One life of a program on a simulated machine. Killed, it stops between two steps: its sockets close, its timers and
// answers never come, the disk and the kernel stay as they are. The next life starts on the same machine.

import type { FileStore, Host, ProgramRunner, SoleUse, UdpListener } from '../../src/base/host.ts';
import type { HttpHandler } from '../../src/base/http.ts';
import type { SimulatedHost } from './simulated-host.ts';
import { ConnectionReset } from './simulated-network.ts';

export class SimulatedProcess implements Host {
  readonly clock: Host['clock'];
  readonly random: Host['random'];
  readonly log: Host['log'];
  readonly udp: Host['udp'];
  readonly http: Host['http'];
  readonly ssdp: Host['ssdp'];
  readonly files: FileStore;
  readonly network: Host['network'];
  readonly programs: ProgramRunner;
  readonly soleUses: Host['soleUses'];
  readonly keyedHash: Host['keyedHash'];
  readonly #opened = new Set<() => void>();
  readonly #died: Promise<never>;
  #isAlive = true;
  #reset: (reason: ConnectionReset) => void = () => {};
  #effectsLeft: number | undefined;
  /** What reached the world outside the process so far: writes, calls of programs, datagrams. */
  effects = 0;

  constructor(machine: SimulatedHost) {
    this.#died = new Promise((_resolve, reject) => {
      this.#reset = reject;
    });
    this.#died.catch(() => {});
    this.clock = {
      now: () => machine.clock.now(),
      wallTime: () => machine.clock.wallTime(),
      wakeAt: (at, wake) => machine.clock.wakeAt(at, () => this.#isAlive && wake()),
    };
    this.random = machine.random;
    this.log = machine.log;
    this.network = {
      ...machine.network,
      defaultRoute: (family) => this.#whileAlive(machine.network.defaultRoute(family)),
      neighbours: () => this.#whileAlive(machine.network.neighbours()),
      linkState: (name) => this.#whileAlive(machine.network.linkState(name)),
      resolve: (name) => this.#whileAlive(machine.network.resolve(name)),
    };
    this.keyedHash = (secret, text) => machine.keyedHash(secret, text);
    this.programs = {
      run: (program, args, input, within) => this.#effect(() => machine.programs.run(program, args, input, within)),
    };
    this.soleUses = {
      ofDirectory: (path) => this.#used(machine.soleUses.ofDirectory(path)),
      inNetwork: (name) => this.#used(machine.soleUses.inNetwork(name)),
    };
    this.files = this.#filesOf(machine.files);
    this.udp = this.#udpOf(machine.udp);
    this.http = this.#httpOf(machine.http);
    this.ssdp = {
      open: async (options, listener) => {
        const opened = await this.#whileAlive(
          machine.ssdp.open(options, {
            ...listener,
            message: (message, from) => this.#isAlive && listener.message(message, from),
          }),
        );
        if (opened.ok) this.#opened.add(() => opened.value.close());
        return opened;
      },
    };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** kill -9. */
  kill(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    for (const close of this.#opened) close();
    this.#reset(new ConnectionReset());
  }

  /** kill -9 right after the `count`th effect from now on. */
  killAfterEffects(count: number): void {
    this.#effectsLeft = count;
  }

  /** What a dead program waits for never comes. */
  #whileAlive<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve) => {
      void answer.then((value) => {
        if (this.#isAlive) resolve(value);
      });
    });
  }

  #effect<T>(work: () => Promise<T>): Promise<T> {
    if (!this.#isAlive) return new Promise(() => {});
    const answer = this.#whileAlive(work());
    this.#tookEffect();
    return answer;
  }

  #tookEffect(): void {
    this.effects += 1;
    if (this.#effectsLeft === undefined) return;
    this.#effectsLeft -= 1;
    if (this.#effectsLeft <= 0) this.kill();
  }

  async #used(asked: Promise<SoleUse>): Promise<SoleUse> {
    const use = await this.#whileAlive(asked);
    if (use.kind === 'mine') this.#opened.add(() => void use.giveBack());
    return use;
  }

  #filesOf(files: FileStore): FileStore {
    return {
      read: (path) => this.#whileAlive(files.read(path)),
      version: (path) => this.#whileAlive(files.version(path)),
      replace: (path, text, mode) => this.#effect(() => files.replace(path, text, mode)),
      append: (path, text, mode) => this.#effect(() => files.append(path, text, mode)),
      rename: (from, to) => this.#effect(() => files.rename(from, to)),
      remove: (path) => this.#effect(() => files.remove(path)),
      makeDirectory: (path, mode) => this.#effect(() => files.makeDirectory(path, mode)),
    };
  }

  #udpOf(udp: Host['udp']): Host['udp'] {
    return {
      open: async (options, listener) => {
        const { unreachable } = listener;
        const guarded: UdpListener = {
          datagram: (bytes, from) => this.#isAlive && listener.datagram(bytes, from),
          ...(unreachable === undefined ? {} : { unreachable: () => this.#isAlive && unreachable.call(listener) }),
        };
        const opened = await this.#whileAlive(udp.open(options, guarded));
        if (!opened.ok) return opened;
        const socket = opened.value;
        const close = (): void => {
          this.#opened.delete(close);
          socket.close();
        };
        this.#opened.add(close);
        const send: typeof socket.send = (bytes, to) => {
          if (!this.#isAlive) return;
          socket.send(bytes, to);
          this.#tookEffect();
        };
        return { ok: true, value: { local: socket.local, send, close } };
      },
    };
  }

  #httpOf(http: Host['http']): Host['http'] {
    return {
      listen: async (place, limits, handler) => {
        const untilDeath: HttpHandler = (request) => Promise.race([handler(request), this.#died]);
        const opened = await this.#whileAlive(http.listen(place, limits, untilDeath));
        if (opened.ok) this.#opened.add(() => void opened.value.close());
        return opened;
      },
      call: (call) => this.#whileAlive(http.call(call)),
    };
  }
}
