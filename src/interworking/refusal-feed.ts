// Requests that were refused, told to whoever cares: the log, the history, the counters. What happens to mappings that
// are there is announced by the table.

import type { IpAddress } from '../base/ip-address.ts';
import type { UpnpErrorCode } from '../upnp/upnp-error.ts';
import type { ControlPoint, PortMappingRequest } from './gateway.ts';

export interface RefusedRequest {
  readonly who: IpAddress;
  readonly request: PortMappingRequest;
  readonly code: UpnpErrorCode;
  readonly why: string;
}

export class RefusalFeed {
  readonly #listeners: ((refusal: RefusedRequest) => void)[] = [];

  listen(listener: (refusal: RefusedRequest) => void): void {
    this.#listeners.push(listener);
  }

  tell(asker: ControlPoint, request: PortMappingRequest, { code, why }: { code: UpnpErrorCode; why: string }): void {
    for (const listener of this.#listeners) listener({ who: asker.address, request, code, why });
  }
}
