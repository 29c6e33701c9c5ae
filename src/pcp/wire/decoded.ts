// The two levels of reading a datagram from a PCP server: something to ignore, with the reason to count it by,
// or a message. Nothing a peer sends becomes an exception.

/** Why a datagram was dropped. A closed list: each is a counter on the status page. */
export type IgnoredBecause =
  | 'too short'
  | 'too long'
  | 'odd length'
  | 'not a response'
  | 'unknown version'
  | 'unknown opcode'
  | 'malformed option';

export interface Ignored {
  readonly kind: 'ignored';
  readonly why: IgnoredBecause;
}

export type Decoded<Message> = Ignored | { readonly kind: 'message'; readonly message: Message };

export const ignored = (why: IgnoredBecause): Ignored => ({ kind: 'ignored', why });
export const message = <Message>(value: Message): { readonly kind: 'message'; readonly message: Message } => ({
  kind: 'message',
  message: value,
});
