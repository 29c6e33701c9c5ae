// A point of wall time as UTC text for file names, without reading any clock: "20261120T094500Z".

import type { WallTime } from '../base/time.ts';

const MS_PER_DAY = 86_400_000;
/** Days from 0000-03-01 to 1970-01-01 in the Gregorian calendar; years that begin in March put the leap day last. */
const DAYS_BEFORE_1970 = 719_468;
const DAYS_PER_ERA = 146_097;

export function calendarDate(time: WallTime): string {
  const days = Math.floor(time / MS_PER_DAY);
  const secondOfDay = Math.floor((time - days * MS_PER_DAY) / 1000);
  const shifted = days + DAYS_BEFORE_1970;
  const era = Math.floor(shifted / DAYS_PER_ERA);
  const dayOfEra = shifted - era * DAYS_PER_ERA;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const hour = Math.floor(secondOfDay / 3600);
  const minute = Math.floor(secondOfDay / 60) % 60;
  return `${year}${two(month)}${two(day)}T${two(hour)}${two(minute)}${two(secondOfDay % 60)}Z`;
}

const two = (n: number): string => String(n).padStart(2, '0');
