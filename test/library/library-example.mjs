// Maps a port, shows where it is, and closes it again. First argument: the PCP server, otherwise the default gateway.
import { PcpClient } from 'igd2pcp/pcp';

const client = new PcpClient({ server: process.argv[2] ?? 'auto' });
const mapping = await client.map({ protocol: 'tcp', internalPort: 8080 });
console.log(
  `${mapping.internalAddress}:8080 is open to everybody at ${mapping.externalAddress}:${mapping.externalPort}`,
);
await mapping.release();
await client.close();
