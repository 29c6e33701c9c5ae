// Figures from samples. Percentiles are the nearest rank: a value that was really measured.

export function percentile(samples, share) {
  if (samples.length === 0) return undefined;
  const sorted = Float64Array.from(samples).sort();
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))];
}

export const median = (samples) =>
  percentile(
    samples.filter((value) => value !== undefined),
    0.5,
  );

/** Least squares: how much `y` grows per unit of `x`. */
export function slope(points) {
  const meanX = mean(points.map(([x]) => x));
  const meanY = mean(points.map(([, y]) => y));
  const over = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const under = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return under === 0 ? 0 : over / under;
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
