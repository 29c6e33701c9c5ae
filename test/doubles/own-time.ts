// How long something took, told so that it means the same on a busy machine: what a test measures lives in its own process.

/** Milliseconds in which this process computed or waited, but not those in which the machine let other programs run. */
export function ownTime(): number {
  const { user, system } = process.cpuUsage();
  return performance.eventLoopUtilization().idle + (user + system) / 1000;
}
