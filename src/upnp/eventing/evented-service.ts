// A service as eventing sees it: a key, the path of its event URL, and the present values of its evented variables.

export interface EventedService {
  readonly key: string;
  /** Path of eventSubURL. */
  readonly path: string;
  /** All evented variables of the service and nothing else (UDA 1.1 §4.2: the initial event carries them all). */
  variables(): ReadonlyMap<string, string>;
}
