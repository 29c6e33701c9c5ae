// What the table announces after each change. Only the table announces; the file, eventing, the log and the pages listen.

import type { Mapping } from './mapping.ts';

export type RemovalReason =
  /** Its control point, the operator or another control point with the right to asked for it. */
  | 'deleted'
  /** The lease is over. */
  | 'expired'
  /** The PCP server stopped honouring it. */
  | 'lost'
  /** Its host left or changed (RFC 6970 §5.10). */
  | 'host gone'
  /** The daemon ends and takes its mappings along (demo). */
  | 'closing';

export type MappingChange =
  | { readonly kind: 'added'; readonly mapping: Mapping }
  /** `promised` changed: something the control point can see. Otherwise only lifetimes and the like. */
  | { readonly kind: 'updated'; readonly mapping: Mapping; readonly previous: Mapping; readonly isVisible: boolean }
  | { readonly kind: 'removed'; readonly mapping: Mapping; readonly reason: RemovalReason; readonly why: string };

/** Changes that became visible together: one per request, whatever number of entries it touched. */
export type MappingChanges = readonly MappingChange[];
