// A point of wall time as UTC text for file names: "20261120T094500Z".

import { calendarTime, twoDigits } from '../base/calendar.ts';
import type { WallTime } from '../base/time.ts';

export function calendarDate(at: WallTime): string {
  const { year, month, day, hour, minute, second } = calendarTime(at);
  const [monthText, dayText, ...time] = [month, day, hour, minute, second].map(twoDigits);
  return `${year}${monthText}${dayText}T${time.join('')}Z`;
}
