// What the process costs: memory, processor time, and how late its event loop runs.

import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { type Duration, milliseconds } from '../base/time.ts';

export interface ProcessFigures {
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly cpuSeconds: number;
  /** 99th percentile since the last reading; 0 at the first, which starts the measuring. */
  readonly eventLoopDelay: Duration;
  readonly logLinesDropped: number;
}

const RESOLUTION_MS = 20;
const NANOSECONDS_PER_MS = 1e6;

/** Measuring wakes the process fifty times a second, so it begins only when somebody reads the figures. */
export function createProcessFigures(logLinesDropped: () => number): () => ProcessFigures {
  let histogram: IntervalHistogram | undefined;
  return () => {
    const delay =
      histogram === undefined ? 0 : Math.max(0, histogram.percentile(99) / NANOSECONDS_PER_MS - RESOLUTION_MS);
    if (histogram === undefined) {
      histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      histogram.enable();
    }
    histogram.reset();
    const { rss, heapUsed } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    return {
      residentBytes: rss,
      heapBytes: heapUsed,
      cpuSeconds: (user + system) / 1e6,
      eventLoopDelay: milliseconds(Number.isFinite(delay) ? delay : 0),
      logLinesDropped: logLinesDropped(),
    };
  };
}
