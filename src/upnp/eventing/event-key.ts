// The number that tells a subscriber whether it missed an event (UDA 1.1 §4.3.2 SEQ).

export const INITIAL_EVENT = 0;
const LAST = 0xffff_ffff;

/** UDA 1.1 §4.3.2: wraps to 1, because 0 belongs to the initial event alone. */
export const eventKeyAfter = (key: number): number => (key >= LAST ? 1 : key + 1);
