// Whether memory and open handles stayed what they were, once the daemon was warm. The last quarter of the samples is held against
// the quarter after the warm-up: a single one may fall into a collection, or see a neighbour's connections.

import { median, slope } from '../parts/statistics.mjs';

/** Compiled code and heaps are still growing. */
const WARM_UP_SHARE = 0.25;
/** Below this many minutes the collector's ups and downs are all that a slope shows: then only the sum is looked at. */
const SHORTEST_FOR_A_SLOPE = 20;
/** A leak of one mapping per Add would be some hundred times this. */
const MOST_KIB_PER_MINUTE = 20;
const MOST_MIB_IN_A_SHORT_RUN = 12;
const MOST_HANDLES_GAINED = 8;

/** `samples`: `{ minutes, mib, handles }`. → what grew, and sentences about what grew too much. */
export function growthOf(samples) {
  const quarter = Math.floor(samples.length * WARM_UP_SHARE);
  const warm = samples.slice(quarter);
  const [early, late] = [warm.slice(0, quarter), warm.slice(-quarter)];
  if (quarter === 0) return { complaints: ['too short to see growth'] };
  const minutes = warm.at(-1).minutes - warm[0].minutes;
  const mib = median(late.map((sample) => sample.mib)) - median(early.map((sample) => sample.mib));
  const isLong = minutes >= SHORTEST_FOR_A_SLOPE;
  const kibPerMinute = isLong ? slope(warm.map((sample) => [sample.minutes, sample.mib * 1024])) : undefined;
  const handles = fewestHandles(late) - fewestHandles(early);
  const complaints = [];
  if (isLong && kibPerMinute > MOST_KIB_PER_MINUTE)
    complaints.push(`memory grows by ${kibPerMinute.toFixed(1)} KiB a minute`);
  if (!isLong && mib > MOST_MIB_IN_A_SHORT_RUN) complaints.push(`memory grew by ${mib.toFixed(1)} MiB`);
  if (handles > MOST_HANDLES_GAINED) complaints.push(`${handles} more open handles`);
  return { mib, kibPerMinute, handles, complaints };
}

/** What is left when no connection happens to be open. */
const fewestHandles = (samples) => Math.min(...samples.map(({ handles }) => handles));
