// What GetStatusInfo says of the connection: up while the PCP server is, since when, and with what error while it is not.
// Control points leave a gateway alone that is not "Connected".

import { between, type Instant, milliseconds } from '../base/time.ts';
import type { ConnectionStatus } from './gateway.ts';
import type { Interworking } from './interworking.ts';

export class ConnectionWatch {
  readonly #iw: Pick<Interworking, 'pcp' | 'localNat'>;
  #upSince: Instant | undefined;

  constructor(iw: Pick<Interworking, 'pcp' | 'localNat'>) {
    this.#iw = iw;
  }

  healthChanged(now: Instant): void {
    const health = this.#health();
    if (health === 'down') this.#upSince = undefined;
    else if (health === 'up') this.#upSince ??= now;
  }

  status(now: Instant): ConnectionStatus {
    this.healthChanged(now);
    const health = this.#health();
    const uptime = this.#upSince === undefined ? milliseconds(0) : between(this.#upSince, now);
    // An error that is over is none: control points leave a gateway alone that reports one.
    if (health === 'up') return { status: 'Connected', uptime, lastError: 'ERROR_NONE' };
    return health === 'down'
      ? { status: 'Disconnected', uptime, lastError: 'ERROR_UNKNOWN' }
      : { status: 'Connecting', uptime, lastError: 'ERROR_NONE' };
  }

  /** Without a server to ask, or a line that lets somebody in, there is no connection. */
  #health(): 'up' | 'unknown' | 'down' {
    const { pcp, localNat } = this.#iw;
    return pcp.currentServer() === undefined || localNat?.obstacle() !== undefined ? 'down' : pcp.health();
  }
}
