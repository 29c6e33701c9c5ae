import { describe, expect, it } from 'vitest';
import { packaging, script } from './openwrt-shell.ts';

/** As LuCI's E(): what is in a list becomes text, never HTML. */
interface Element {
  readonly tag: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly children: readonly unknown[];
  textContent: string;
  className: string;
  disabled: boolean;
}

const MAPPING = {
  protocol: 'TCP',
  externalPort: 8080,
  assignedPort: 47080,
  remoteHost: '',
  internalAddress: '192.168.1.10',
  internalPort: 80,
  hostName: 'console',
  description: '<img src=x onerror=alert(1)>',
  madeBy: { address: '192.168.1.10', userAgent: 'Game/1.0', action: 'AddPortMapping' },
  leaseSecondsLeft: 3720,
  state: 'degraded',
  reason: "the carrier's PCP server has not answered since 14:02",
};

/** The page on a stand-in for LuCI: what it showed, asked and declared. */
function page(answers: Readonly<Record<string, unknown>>) {
  const asked: unknown[][] = [];
  const rows: unknown[][] = [];
  const notices: unknown[] = [];
  const options: string[] = [];
  const polled: (() => unknown)[] = [];
  const elements = new Map<string, Element>();
  const E = (tag: string, attributes: Record<string, unknown> = {}, children: readonly unknown[] = []): Element => {
    expect(Array.isArray(children), 'a string here would be HTML').toBe(true);
    const made = { tag, attributes, children, textContent: '', className: '', disabled: false };
    const id = attributes['id'];
    if (typeof id === 'string') elements.set(id, made);
    return made;
  };
  const section = (type: string) => ({
    option: (_kind: unknown, name: string) => {
      options.push(`${type}.${name}`);
      return { value: () => undefined, enabled: '1' };
    },
  });
  const form = {
    Map: class {
      section(_kind: unknown, name: string) {
        return section(name === 'main' ? 'igd2pcp' : name);
      }
      async render() {
        return E('form');
      }
    },
  };
  const rpc = {
    declare:
      ({ method }: { method: string }) =>
      async (...args: unknown[]) => {
        asked.push([method, ...args]);
        return answers[method] ?? {};
      },
  };
  const world = {
    form,
    rpc,
    E,
    poll: { add: (call: () => unknown) => polled.push(call) },
    ui: { addNotification: (_title: unknown, what: unknown) => notices.push(what) },
    view: { extend: (it: { render: () => Promise<unknown> }) => it },
    widgets: {},
    _: (text: string) => text,
    window: { setTimeout: () => undefined },
    document: { getElementById: (id: string) => elements.get(id) },
    cbi_update_table: (_table: unknown, now: unknown[][]) => rows.splice(0, rows.length, ...now),
  };
  const make = new Function(...Object.keys(world), code());
  const view: { render: () => Promise<unknown> } = make(...Object.values(world));
  const refresh = async () => {
    for (const call of polled) await call();
  };
  return { view, refresh, asked, rows, notices, options, elements };
}

/** LuCI's own `'...'.format()` stands in as a replacement of %d in their order. */
const code = (): string =>
  script('openwrt/luci-app-igd2pcp/igd2pcp.js').replaceAll(/('[^'\n]*%d[^'\n]*')\.format\(/g, 'inOrder($1, ') +
  '\nfunction inOrder(text) { const rest = [...arguments].slice(1); return text.replace(/%d/g, () => rest.shift()); }';

const textOf = (cell: unknown): string =>
  typeof cell === 'object' && cell !== null && 'children' in cell
    ? (cell.children as unknown[]).join('')
    : String(cell);

describe('the LuCI page', () => {
  it('shows health, host, ports, by whom, end, and the state with its reason', async () => {
    const it_ = page({
      status: { health: { level: 'attention', sentence: 'One mapping does not work.' } },
      mappings: { mappings: [MAPPING] },
    });
    await it_.view.render();
    await it_.refresh();
    expect(it_.elements.get('igd2pcp-health')).toMatchObject({
      textContent: 'One mapping does not work.',
      className: 'alert-message warning',
    });
    expect(it_.rows[0]?.map(textOf)).toEqual([
      'console',
      '192.168.1.10:80',
      'TCP 8080 (47080)',
      '<img src=x onerror=alert(1)>',
      '192.168.1.10 Game/1.0',
      '1h 2m',
      "does not work: the carrier's PCP server has not answered since 14:02",
      'Close',
    ]);
  });

  it('closes a port and says so when that fails', async () => {
    const it_ = page({ mappings: { mappings: [MAPPING] }, delete: { error: 'no such mapping' } });
    await it_.view.render();
    await it_.refresh();
    const button = it_.rows[0]?.at(-1) as Element;
    await (button.attributes['click'] as (event: object) => Promise<void>)({ currentTarget: button });
    expect(it_.asked).toContainEqual(['delete', 'TCP', 8080, '']);
    expect(button.disabled).toBe(true);
    expect(it_.notices).toHaveLength(1);
  });

  it('says that the daemon does not run', async () => {
    const it_ = page({ status: { error: 'igd2pcp does not run' }, mappings: { error: 'igd2pcp does not run' } });
    await it_.view.render();
    await it_.refresh();
    expect(it_.elements.get('igd2pcp-health')?.textContent).toBe('igd2pcp does not run');
  });

  it('offers options that the daemon has, and asks what the access list allows', async () => {
    const { keysOf }: { keysOf: (toml: string) => string } = await import(
      new URL('openwrt/package.mjs', packaging).href
    );
    const { manualOf } = await import('../../src/cli/help-text.ts');
    const { optionTableToml } = await import('../../src/cli/manual.ts');
    const known = keysOf(optionTableToml(manualOf('1.2.3')))
      .split(' ')
      .map((entry) => entry.split(':')[0]);
    const it_ = page({});
    await it_.view.render();
    const rule = ['action', 'client', 'external_ports', 'internal_ports'].map((name) => `rule.${name}`);
    for (const option of it_.options) expect([...known, ...rule, 'igd2pcp.enabled']).toContain(option);
    const access = JSON.parse(script('openwrt/luci-app-igd2pcp/acl.json'))['luci-app-igd2pcp'];
    expect(access.read.ubus.igd2pcp).toEqual(['status', 'mappings', 'doctor']);
    expect(access.write.ubus.igd2pcp).toEqual(['delete']);
    const [entry] = Object.values(JSON.parse(script('openwrt/luci-app-igd2pcp/menu.json'))) as {
      action: { path: string };
    }[];
    expect(entry?.action.path).toBe('igd2pcp/igd2pcp');
    const plugin = script('openwrt/rpcd.uc');
    for (const method of ['status', 'mappings', 'delete', 'doctor']) expect(plugin).toContain(`\t\t${method}: {`);
  });
});
