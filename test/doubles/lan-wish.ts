// What a computer on the LAN of a scenario asks for, in the fewest words; what it leaves out is usual.

export interface Wish {
  readonly external: number;
  /** Left out: the same number. */
  readonly internal?: number;
  readonly protocol?: 'TCP' | 'UDP';
  /** In seconds; left out: an hour. */
  readonly lease?: number;
  readonly remoteHost?: string;
  readonly description?: string;
  /** Left out: the computer itself. */
  readonly client?: string;
  readonly enabled?: '0' | '1';
}

/** What it wants deleted. */
export interface Name {
  readonly external: number;
  readonly protocol?: 'TCP' | 'UDP';
  readonly remoteHost?: string;
}
