// The header fields every HTTP answer of a UPnP device carries (UDA 1.1 §2.1, §3.2.1, §4.1.2). Our own texts only:
// nothing a client wrote ever stands in a header of ours.

import { calendarTime, twoDigits } from '../base/calendar.ts';
import type { HttpRequest } from '../base/http.ts';
import type { WallTime } from '../base/time.ts';

/** Quotes included, as UDA 1.1 writes it. */
export const XML_CONTENT_TYPE = 'text/xml; charset="utf-8"';

/** `server` is "OS/version UPnP/1.1 product/version". */
export function upnpHeaders(request: HttpRequest, server: string, now: WallTime): Record<string, string> {
  const headers: Record<string, string> = { DATE: httpDate(now), SERVER: server };
  // UDA 1.1 §2.1: whoever names languages is told which one it got. Ours is always the same.
  if (request.headers['accept-language'] !== undefined) headers['CONTENT-LANGUAGE'] = 'en';
  return headers;
}

// Dates as HTTP writes them (RFC 9110 §5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT".

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

export function httpDate(at: WallTime): string {
  const { weekday, day, month, year, hour, minute, second } = calendarTime(at);
  const time = [hour, minute, second].map(twoDigits).join(':');
  return `${WEEKDAYS[weekday]}, ${twoDigits(day)} ${MONTHS[month - 1]} ${year} ${time} GMT`;
}
