import { expect, it } from 'vitest';
import { instant } from '../../../src/base/time.ts';
import { LossReports } from '../../../src/pcp/asking/epoch.ts';

const at = (minutes: number) => instant(minutes * 60_000);

it('two losses in a row are told at once: a server may restart twice (RFC 6887 §8.5)', () => {
  const reports = new LossReports();
  expect(reports.note(at(0))).toBe(true);
  expect(reports.note(at(0.1))).toBe(true);
});

it('further ones wait for the end of the quiet, and are told then though nothing else shows them', () => {
  const reports = new LossReports();
  reports.note(at(0));
  reports.note(at(0.5));
  expect(reports.note(at(1))).toBe(false);
  expect(reports.note(at(1.2))).toBe(false);
  expect(reports.dueAt()).toBe(at(1.5));
  expect(reports.takeDue(at(1.4))).toBe(false);
  expect(reports.takeDue(at(1.5))).toBe(true);
  expect(reports.takeDue(at(9))).toBe(false);
});

it('the quiet doubles up to 15 minutes, and is forgotten after an hour without a loss', () => {
  const reports = new LossReports();
  const told: number[] = [];
  for (let minute = 0; minute < 100; minute += 0.5) {
    if (reports.takeDue(at(minute)) || reports.note(at(minute))) told.push(minute);
  }
  expect(told).toEqual([0, 0.5, 1.5, 3.5, 7.5, 15.5, 30.5, 45.5, 60.5, 75.5, 90.5]);
  expect(reports.takeDue(at(105.5))).toBe(true);
  expect(reports.note(at(170))).toBe(true);
  expect(reports.note(at(170.1))).toBe(true);
});
