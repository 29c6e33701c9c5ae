// Points in time and spans between them, as types that cannot be mixed up with plain numbers.
// `Instant` is monotonic and for protocol rules; `WallTime` is for people and for the disk (RFC 6887 §8.5).
// Nothing here reads a clock.

declare const instantBrand: unique symbol;
declare const durationBrand: unique symbol;
declare const wallTimeBrand: unique symbol;

/** Milliseconds on a clock that never runs backwards; its zero means nothing. */
export type Instant = number & { readonly [instantBrand]: true };
/** A span in milliseconds; may be negative. */
export type Duration = number & { readonly [durationBrand]: true };
/** Milliseconds since 1970 by the calendar clock, which may jump. */
export type WallTime = number & { readonly [wallTimeBrand]: true };

export const instant = (milliseconds: number): Instant => milliseconds as Instant;
export const wallTime = (milliseconds: number): WallTime => milliseconds as WallTime;

export const milliseconds = (n: number): Duration => n as Duration;
export const seconds = (n: number): Duration => (n * 1000) as Duration;
export const minutes = (n: number): Duration => (n * 60_000) as Duration;
export const hours = (n: number): Duration => (n * 3_600_000) as Duration;
export const days = (n: number): Duration => (n * 86_400_000) as Duration;

export const inSeconds = (span: Duration): number => span / 1000;

export const after = (start: Instant, span: Duration): Instant => (start + span) as Instant;
export const before = (end: Instant, span: Duration): Instant => (end - span) as Instant;
/** From `start` to `end`; negative when `end` comes first. */
export const between = (start: Instant, end: Instant): Duration => (end - start) as Duration;
export const scale = (span: Duration, factor: number): Duration => (span * factor) as Duration;
export const earlier = (a: Instant, b: Instant): Instant => (a < b ? a : b);
export const later = (a: Instant, b: Instant): Instant => (a > b ? a : b);
export const shorter = (a: Duration, b: Duration): Duration => (a < b ? a : b);
export const longer = (a: Duration, b: Duration): Duration => (a > b ? a : b);

export const wallTimeAfter = (start: WallTime, span: Duration): WallTime => (start + span) as WallTime;
export const wallTimeBetween = (start: WallTime, end: WallTime): Duration => (end - start) as Duration;

/** "90 s", "29 min", "2 h 5 min", "3 d 4 h": two units at most, for log lines and tables. */
export function durationInWords(span: Duration): string {
  const total = Math.round(Math.max(0, span) / 1000);
  if (total < 120) return `${total} s`;
  if (total < 7200) return `${Math.round(total / 60)} min`;
  const minutesTotal = Math.round(total / 60);
  const wholeHours = Math.floor(minutesTotal / 60);
  if (wholeHours < 48) return joinUnits(wholeHours, 'h', minutesTotal % 60, 'min');
  return joinUnits(Math.floor(wholeHours / 24), 'd', wholeHours % 24, 'h');
}

function joinUnits(major: number, majorUnit: string, minor: number, minorUnit: string): string {
  return minor === 0 ? `${major} ${majorUnit}` : `${major} ${majorUnit} ${minor} ${minorUnit}`;
}
