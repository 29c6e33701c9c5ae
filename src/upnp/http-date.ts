// Dates as HTTP writes them (RFC 9110 §5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT".

import { calendarTime, twoDigits } from '../base/calendar.ts';
import type { WallTime } from '../base/time.ts';

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

export function httpDate(at: WallTime): string {
  const { weekday, day, month, year, hour, minute, second } = calendarTime(at);
  const time = [hour, minute, second].map(twoDigits).join(':');
  return `${WEEKDAYS[weekday]}, ${twoDigits(day)} ${MONTHS[month - 1]} ${year} ${time} GMT`;
}
