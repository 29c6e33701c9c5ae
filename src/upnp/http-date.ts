// Dates as HTTP writes them (RFC 9110 §5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT". By arithmetic alone: this room has no
// calendar of its own.

import type { WallTime } from '../base/time.ts';

const WEEKDAYS = ['Thu', 'Fri', 'Sat', 'Sun', 'Mon', 'Tue', 'Wed'] as const;
const MONTHS = ['Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec', 'Jan', 'Feb'] as const;

const DAYS_FROM_MARCH_OF_YEAR_0_TO_1970 = 719_468;
const DAYS_IN_400_YEARS = 146_097;

export function httpDate(at: WallTime): string {
  const seconds = Math.floor(at / 1000);
  const days = Math.floor(seconds / 86_400);
  const { year, month, day } = civilDate(days);
  const ofDay = seconds - days * 86_400;
  const clock = [ofDay / 3600, (ofDay % 3600) / 60, ofDay % 60].map((part) => twoDigits(Math.floor(part))).join(':');
  return `${WEEKDAYS[((days % 7) + 7) % 7]}, ${twoDigits(day)} ${month} ${year} ${clock} GMT`;
}

const twoDigits = (value: number): string => String(value).padStart(2, '0');

/** Years begin in March here, so that the leap day is the last of its year and month lengths follow one formula. */
function civilDate(days: number): { year: number; month: string; day: number } {
  const shifted = days + DAYS_FROM_MARCH_OF_YEAR_0_TO_1970;
  const era = Math.floor(shifted / DAYS_IN_400_YEARS);
  const ofEra = shifted - era * DAYS_IN_400_YEARS;
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  );
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * ofYear + 2) / 153);
  const day = ofYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const year = yearOfEra + era * 400 + (monthFromMarch >= 10 ? 1 : 0);
  return { year, month: MONTHS[monthFromMarch] ?? '', day };
}
