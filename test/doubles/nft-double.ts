// An `nft` with rules for the tests: scripts are all or nothing, elements time out, old kernels ignore a new timeout.
// It knows the statements that `packet-filter/` writes and no others.

import type { ProgramOutcome } from '../../src/base/host.ts';
import { ok, type Result, refused } from '../../src/base/result.ts';
import type { NftCall } from '../../src/packet-filter/nft-program.ts';

interface HeldElement {
  value: string;
  timeout: number;
  expiresAt: number;
}

interface Table {
  readonly maps: Map<string, { readonly type: string; readonly elements: Map<string, HeldElement> }>;
  readonly chains: Map<string, { readonly head: string; rules: string[] }>;
}

class Complaint extends Error {}

export class NftDouble {
  table: Table | undefined;
  now = 0;
  readonly calls: NftCall[] = [];
  /** true: as Linux 6.12 and later; false: as Linux 6.6 and before. */
  addExtends = true;
  /** false: an nft that cannot be asked for an element of a map. */
  answersGet = true;
  /** false: a box without /etc/protocols, where nft lists protocols by their numbers. */
  knowsProtocolNames = true;
  /** What `list ruleset` prints: everybody's rules, for the firewall probe. */
  ruleset = '{"nftables": []}';
  /** What is wrong with the program; every call then ends so. */
  broken: Result<ProgramOutcome, string> | undefined;

  run(call: NftCall): Result<ProgramOutcome, string> {
    this.calls.push(call);
    if (this.broken !== undefined) return this.broken;
    const before = this.table === undefined ? undefined : structuredClone(this.table);
    try {
      return ok({ exitCode: 0, stdout: this.#perform(call), stderr: '' });
    } catch (complaint) {
      if (!(complaint instanceof Complaint)) throw complaint;
      this.table = before;
      return ok({ exitCode: 1, stdout: '', stderr: `/dev/stdin:1:1-2: ${complaint.message}\n` });
    }
  }

  /** "key → value" of every element that is alive, by map. */
  elements(map: string): Record<string, string> {
    const alive = [...(this.table?.maps.get(map)?.elements ?? [])].filter(([, held]) => held.expiresAt > this.now);
    return Object.fromEntries(alive.map(([key, held]) => [key, held.value]));
  }

  rules(chain: string): readonly string[] {
    return this.table?.chains.get(chain)?.rules ?? [];
  }

  secondsLeft(map: string, key: string): number {
    const held = this.table?.maps.get(map)?.elements.get(key);
    return held === undefined ? 0 : (held.expiresAt - this.now) / 1000;
  }

  #perform(call: NftCall): string {
    if (call.args[0] === '-f') {
      for (const line of call.input.split('\n')) if (line !== '') this.#statement(line);
      return '';
    }
    if (call.args.at(-1) === 'ruleset') return this.ruleset;
    const isTerse = call.args.includes('-t');
    if (call.input === '') return this.#listTable(isTerse);
    return call.input
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => this.#question(line, isTerse))
      .join('');
  }

  /** As nft 1.0.6: the table in JSON, what is said of an element in its own language. */
  #question(line: string, isTerse: boolean): string {
    if (line === 'list table inet igd2pcp') return this.#listTable(isTerse);
    if (!this.answersGet) throw new Complaint('Error: syntax error, unexpected get');
    const [, map = '', key = ''] = /^get element inet igd2pcp (\S+) \{ (.+) \}$/.exec(line) ?? [];
    if (this.secondsLeft(map, key) <= 0)
      throw new Complaint('Error: Could not process rule: No such file or directory');
    return `table inet igd2pcp {\n\tmap ${map} {\n\t}\n}\n`;
  }

  #statement(line: string): void {
    const words = /^(add|delete|flush) (table|map|chain|rule|element) inet igd2pcp ?(\S*) ?(.*)$/.exec(line);
    if (words === null) throw new Complaint(`Error: syntax error: ${line}`);
    const [, verb = '', what = '', name = '', rest = ''] = words;
    if (what === 'table') {
      if (verb === 'delete') this.table = undefined;
      else this.table ??= { maps: new Map(), chains: new Map() };
      return;
    }
    const table = this.table;
    if (table === undefined) throw new Complaint('Error: No such file or directory');
    if (what === 'map') this.#map(table, verb, name, rest);
    else if (what === 'element') this.#element(table, verb, name, rest);
    else this.#chain(table, verb, what, name, rest);
  }

  #map(table: Table, verb: string, name: string, rest: string): void {
    const map = table.maps.get(name);
    if (verb === 'add') {
      if (map !== undefined && map.type !== rest) throw new Complaint('Error: Could not process rule: File exists');
      if (map === undefined) table.maps.set(name, { type: rest, elements: new Map() });
    } else if (map === undefined) throw new Complaint('Error: No such file or directory');
    else if (verb === 'flush') map.elements.clear();
    else table.maps.delete(name);
  }

  #chain(table: Table, verb: string, what: string, name: string, rest: string): void {
    const chain = table.chains.get(name);
    if (what === 'chain' && verb === 'add') {
      if (chain === undefined) table.chains.set(name, { head: rest, rules: [] });
    } else if (chain === undefined) throw new Complaint('Error: No such file or directory');
    else if (verb === 'flush') chain.rules = [];
    else chain.rules.push(rest);
  }

  #element(table: Table, verb: string, name: string, rest: string): void {
    const map = table.maps.get(name);
    if (map === undefined) throw new Complaint('Error: No such file or directory');
    const words = /^\{ (.+?)(?: timeout (\d+)s)?(?: expires (\d+)s)?(?: : (.+))? \}$/.exec(rest);
    if (words === null) throw new Complaint(`Error: syntax error: ${rest}`);
    const [, key = '', timeoutText = '', expiresText, value = ''] = words;
    if (rest.includes(':') && /[\da-f]:[\da-f:]/.test(rest)) {
      throw new Complaint('Error: Could not resolve hostname: Address family for hostname not supported');
    }
    const held = map.elements.get(key);
    const isAlive = held !== undefined && held.expiresAt > this.now;
    if (verb === 'delete') {
      if (!isAlive) throw new Complaint('Error: Could not process rule: No such file or directory');
      map.elements.delete(key);
      return;
    }
    if (isAlive && held.value !== value) throw new Complaint('Error: Could not process rule: File exists');
    if (isAlive && !this.addExtends) return;
    const timeout = Number(timeoutText);
    if (isAlive && held.timeout === timeout && expiresText === undefined) return;
    map.elements.set(key, { value, timeout, expiresAt: this.now + Number(expiresText ?? timeout) * 1000 });
  }

  #listTable(isTerse: boolean): string {
    if (this.table === undefined) throw new Complaint('Error: No such file or directory');
    const home = { family: 'inet', table: 'igd2pcp' };
    const maps = [...this.table.maps].map(([name, { type, elements }], handle) => {
      const alive = [...elements].filter(([, held]) => held.expiresAt > this.now);
      const elem = alive.map(([key, held]) => {
        const expires = Math.floor((held.expiresAt - this.now) / 1000);
        const listed = this.knowsProtocolNames ? key : key.replace(' tcp ', ' 6 ').replace(' udp ', ' 17 ');
        return [{ elem: { val: concat(listed), timeout: held.timeout, expires } }, concat(held.value)];
      });
      return { map: { ...home, name, type, handle, ...(elem.length > 0 && !isTerse && { elem }) } };
    });
    const chains = [...this.table.chains].map(([name, { head }], handle) => ({
      chain: { ...home, name, head, handle },
    }));
    const rules = [...this.table.chains].flatMap(([chain, held]) =>
      held.rules.map((text, handle) => ({ rule: { ...home, chain, handle, expr: [text] } })),
    );
    return `${JSON.stringify({ nftables: [{ metainfo: { version: '1.0.6' } }, ...maps, ...chains, ...rules] })}\n`;
  }
}

export const nftIsMissing = refused('nft: no such program');

function concat(text: string): unknown {
  const parts = text.split(' . ');
  return parts.length === 1 ? text : { concat: parts.map((part) => (/^\d+$/.test(part) ? Number(part) : part)) };
}
