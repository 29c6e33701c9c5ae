// The calendar in UTC, by arithmetic alone: the rooms that need a date may not ask the machine for one.
// How a date is written is decided where it is written.

import type { WallTime } from './time.ts';

interface CalendarTime {
  readonly year: number;
  /** 1 is January. */
  readonly month: number;
  readonly day: number;
  /** 0 is Sunday. */
  readonly weekday: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

const SECONDS_PER_DAY = 86_400;
/** Days from 0000-03-01 to 1970-01-01 in the Gregorian calendar. */
const DAYS_BEFORE_1970 = 719_468;
const DAYS_PER_ERA = 146_097;
const YEARS_PER_ERA = 400;
/** 1970 began on one. */
const THURSDAY = 4;

export function calendarTime(at: WallTime): CalendarTime {
  const seconds = Math.floor(at / 1000);
  const days = Math.floor(seconds / SECONDS_PER_DAY);
  const secondOfDay = seconds - days * SECONDS_PER_DAY;
  return {
    ...dateOf(days),
    weekday: (((days + THURSDAY) % 7) + 7) % 7,
    hour: Math.floor(secondOfDay / 3600),
    minute: Math.floor(secondOfDay / 60) % 60,
    second: secondOfDay % 60,
  };
}

/** Years begin in March here, so that the leap day is the last of its year and month lengths follow one formula. */
function dateOf(days: number): Pick<CalendarTime, 'year' | 'month' | 'day'> {
  const shifted = days + DAYS_BEFORE_1970;
  const era = Math.floor(shifted / DAYS_PER_ERA);
  const dayOfEra = shifted - era * DAYS_PER_ERA;
  const leapDays = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return { year: yearOfEra + era * YEARS_PER_ERA + (month <= 2 ? 1 : 0), month, day };
}

export const twoDigits = (value: number): string => String(value).padStart(2, '0');

// A point of wall time as UTC text for file names: "20261120T094500Z".

export function calendarDate(at: WallTime): string {
  const { year, month, day, hour, minute, second } = calendarTime(at);
  const [monthText, dayText, ...time] = [month, day, hour, minute, second].map(twoDigits);
  return `${year}${monthText}${dayText}T${time.join('')}Z`;
}
