// Whether memory and open handles stayed what they were, once the daemon was warm.

import { slope } from '../parts/statistics.mjs';

/** Compiled code and heaps are still growing. */
const WARM_UP_SHARE = 0.25;
/** Below this many minutes the collector's ups and downs are all that a slope shows: then only the sum is looked at. */
const SHORTEST_FOR_A_SLOPE = 20;
/** A leak of one mapping per Add would be some hundred times this. */
const MOST_KIB_PER_MINUTE = 20;
const MOST_MIB_IN_A_SHORT_RUN = 12;
const MOST_HANDLES_GAINED = 8;

export function verdictOnGrowth(samples) {
  const warm = samples.slice(Math.floor(samples.length * WARM_UP_SHARE));
  const [first, last] = [warm[0], warm.at(-1)];
  if (first === undefined || last === undefined || first === last) return ['too short to see growth'];
  const handles = last.handles - first.handles;
  return [
    ...growthOfMemory(warm, last.minutes - first.minutes, last.mib - first.mib),
    ...(handles > MOST_HANDLES_GAINED ? [`${handles} more open handles`] : []),
  ];
}

function growthOfMemory(warm, minutes, gainedMiB) {
  if (minutes < SHORTEST_FOR_A_SLOPE)
    return gainedMiB > MOST_MIB_IN_A_SHORT_RUN ? [`memory grew by ${gainedMiB.toFixed(1)} MiB`] : [];
  const perMinute = slope(warm.map(({ minutes: at, mib }) => [at, mib * 1024]));
  return perMinute > MOST_KIB_PER_MINUTE ? [`memory grows by ${perMinute.toFixed(1)} KiB a minute`] : [];
}
