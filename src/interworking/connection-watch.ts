// What GetStatusInfo says of the connection: up while the PCP server is, since when, and with what last error.
// Control points leave a gateway alone that is not "Connected".

import { between, type Instant, milliseconds } from '../base/time.ts';
import type { ConnectionStatus } from './gateway.ts';
import type { PcpService } from './pcp-service.ts';

export class ConnectionWatch {
  readonly #pcp: PcpService;
  #upSince: Instant | undefined;
  #wasDown = false;

  constructor(pcp: PcpService) {
    this.#pcp = pcp;
  }

  healthChanged(now: Instant): void {
    const health = this.#pcp.health();
    if (health === 'down') {
      this.#upSince = undefined;
      this.#wasDown = true;
    } else if (health === 'up') {
      this.#upSince ??= now;
    }
  }

  status(now: Instant): ConnectionStatus {
    this.healthChanged(now);
    const health = this.#pcp.health();
    const uptime = this.#upSince === undefined ? milliseconds(0) : between(this.#upSince, now);
    if (health === 'up')
      return { status: 'Connected', uptime, lastError: this.#wasDown ? 'ERROR_UNKNOWN' : 'ERROR_NONE' };
    return health === 'down'
      ? { status: 'Disconnected', uptime, lastError: 'ERROR_UNKNOWN' }
      : { status: 'Connecting', uptime, lastError: 'ERROR_NONE' };
  }
}
