// How long a subscription lasts (UDA 1.1 §4.1.2 TIMEOUT): "Second-" and a number, asked for by the subscriber, granted by us.

import { type Duration, inSeconds, longer, seconds, shorter } from '../../base/time.ts';

/** UDA 1.1 §4.1.2: should be at least 1800 s. */
const LEAST = seconds(1800);
/** Subscribers vanish without a word; their places come free after this. */
const MOST = seconds(7200);

/** Missing, unreadable and "infinite" get the least: UDA 1.1 knows no endless subscription. */
export function grantedTimeout(asked: string | undefined): Duration {
  const [, text] = /^\s*second-(\d{1,10})\s*$/i.exec(asked ?? '') ?? [];
  return text === undefined ? LEAST : shorter(longer(seconds(Number(text)), LEAST), MOST);
}

export const timeoutText = (granted: Duration): string => `Second-${inSeconds(granted)}`;
