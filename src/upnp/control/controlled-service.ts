// A service as the control endpoint sees it: its published description, one row per action, and its variables.
// What the rows do is the device's business.

import type { IpAddress } from '../../base/ip-address.ts';
import type { Result } from '../../base/result.ts';
import type { ServiceDescription } from '../description/service-description.ts';
import type { UpnpErrorCode } from '../upnp-error.ts';
import type { ArgumentLeniency, ArgumentRefusals, CheckedArguments } from './argument-check.ts';
import type { OutArguments } from './soap-response.ts';

export interface ControlledService {
  readonly serviceType: string;
  readonly description: ServiceDescription;
  /** Exactly the actions of the description. */
  readonly actions: ActionTable;
  readonly refusals: ArgumentRefusals;
  /** Actions of a newer version that are served, too, though the description is silent about them. */
  readonly undescribed?: Pick<ControlledService, 'description' | 'actions' | 'refusals'>;
  /** The present value of a state variable; undefined when it has none of its own. */
  variable(name: string): string | undefined;
}

export type ActionTable = Readonly<Record<string, ActionRow>>;

export interface ActionRow extends ArgumentLeniency {
  readonly handle: (given: CheckedArguments, caller: Caller) => ActionAnswer | Promise<ActionAnswer>;
}

export type ActionAnswer = Result<OutArguments, UpnpErrorCode>;

export interface Caller {
  readonly address: IpAddress;
  readonly userAgent: string;
  readonly hungUp: AbortSignal;
}
