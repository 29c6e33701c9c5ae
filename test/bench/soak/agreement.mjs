// Whether those who should know of the same mappings do: the control points that were promised them, our table, the carrier
// and the kernel.

import { inNamespace, ROUTER } from '../parts/network.mjs';
import { heldMappings } from '../parts/simulator-control.mjs';

/** More would tell nothing new. */
const MOST_OF_A_KIND = 5;

/** Sentences; empty when all agree. */
export async function disagreements({ gateway, control, ledger }, when) {
  const table = await gateway.mappings();
  if (table === undefined) return [`${when}: the daemon does not answer`];
  const rows = new Map(table.map((row) => [`${row.protocol} ${row.externalPort}`, row]));
  const carrier = new Set((await heldMappings(control)).filter(isOurs).map(nameOf));
  const here = new Set(table.map((row) => `${row.protocol} ${row.assignedPort}`));
  const kernel = kernelPorts();
  const nat1 = new Set(table.map((row) => `${row.protocol} ${row.nat1Port}`));
  const broken = ledger
    .promisedNow()
    .filter(
      ({ name, from, port }) => rows.get(name)?.internalAddress !== from || rows.get(name)?.internalPort !== port,
    );
  return [
    some(
      broken.map(({ name }) => name),
      'was promised, is not in the table, and nobody said so',
    ),
    some(
      ledger.goneNow().filter((name) => rows.has(name)),
      'was deleted or has ended and is in the table',
    ),
    some(without(here, carrier), 'is in the table and not at the carrier'),
    some(without(carrier, here), 'is only at the carrier'),
    some(without(nat1, kernel), 'is in the table and not in the kernel'),
    some(without(kernel, nat1), 'is only in the kernel'),
    some(
      table.filter(({ state }) => state !== 'granted').map((row) => `${nameOf(row)} (${row.state}: ${row.reason})`),
      'has trouble',
    ),
  ]
    .flat()
    .map((complaint) => `${when}: ${complaint}`);
}

const without = (wanted, present) => [...wanted].filter((name) => !present.has(name));

function some(names, what) {
  const shown = names.slice(0, MOST_OF_A_KIND).map((name) => `${name} ${what}`);
  return names.length > MOST_OF_A_KIND ? [...shown, `${names.length - MOST_OF_A_KIND} more: ${what}`] : shown;
}

const nameOf = ({ protocol, externalPort }) => `${protocol} ${externalPort}`;
/** What shows the external address is nobody's mapping (RFC 6970 §4.2). */
const ADDRESS_PROBE_PORT = 61_009;
const isOurs = ({ internalPort }) => internalPort !== ADDRESS_PROBE_PORT;

function kernelPorts() {
  const elements = elementsOf('in');
  return new Set(
    elements.map(([key]) => {
      const [, protocol, port] = (key.elem?.val ?? key).concat;
      return `${protocol.toUpperCase()} ${port}`;
    }),
  );
}

/** None where the table is not there. */
function elementsOf(map) {
  try {
    const { nftables } = JSON.parse(inNamespace(ROUTER, 'nft', '-j', 'list', 'map', 'inet', 'igd2pcp', map));
    return nftables.find((row) => row.map !== undefined)?.map.elem ?? [];
  } catch {
    return [];
  }
}
