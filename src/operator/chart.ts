// A curve of the last day as inline SVG. Only the curve is in it: captions are HTML, so that letters keep their size.

import { type Duration, days, type WallTime, wallTimeBetween } from '../base/time.ts';
import { Html, html } from './html.ts';

export interface ChartPoint {
  readonly at: WallTime;
  /** Undefined: a gap. */
  readonly value: number | undefined;
}

export interface Chart {
  /** For those who cannot see it. */
  readonly description: string;
  readonly points: readonly ChartPoint[];
  readonly now: WallTime;
  /** Counts stay until they change; measurements lie on a line between. */
  readonly shape: 'steps' | 'line';
}

const WIDTH = 1000;
const HEIGHT = 100;
const SPAN: Duration = days(1);

export function chartSvg(chart: Chart): Html {
  const most = Math.max(1, ...chart.points.map(({ value }) => value ?? 0));
  const runs = runsOf(chart).map((run) =>
    run.map(({ at, value }) => ({ x: xOf(at, chart.now), y: HEIGHT - (value / most) * (HEIGHT - 4) })),
  );
  const curves = runs.map((run) => pathOf(run, chart.shape));
  const areas = runs.map((run, index) => {
    const [first] = run;
    const last = run.at(-1);
    if (first === undefined || last === undefined) return html``;
    return new Html(`<path class="area" d="${curves[index]}L${last.x} ${HEIGHT}L${first.x} ${HEIGHT}Z"/>`);
  });
  return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${chart.description}">
<path class="base" d="M0 ${HEIGHT}H${WIDTH}"/>${areas}${curves.map((d) => new Html(`<path class="curve" d="${d}"/>`))}
</svg>`;
}

const xOf = (at: WallTime, now: WallTime): number =>
  Math.round(Math.min(1, Math.max(0, 1 - wallTimeBetween(at, now) / SPAN)) * WIDTH * 10) / 10;

interface KnownPoint {
  readonly at: WallTime;
  readonly value: number;
}

function runsOf({ points, shape, now }: Chart): readonly KnownPoint[][] {
  const runs: KnownPoint[][] = [[]];
  for (const { at, value } of points) {
    if (value === undefined) runs.push([]);
    else runs.at(-1)?.push({ at, value });
  }
  const last = runs.at(-1)?.at(-1);
  if (shape === 'steps' && last !== undefined) runs.at(-1)?.push({ at: now, value: last.value });
  return runs.filter((run) => run.length > 0);
}

function pathOf(run: readonly { readonly x: number; readonly y: number }[], shape: Chart['shape']): string {
  const parts = run.map(({ x, y }, index) => {
    const height = Math.round(y * 10) / 10;
    if (index === 0) return `M${x} ${height}`;
    return shape === 'steps' ? `H${x}V${height}` : `L${x} ${height}`;
  });
  // A single measurement would be invisible as a line of no length.
  return parts.length === 1 ? `${parts.join('')}h2` : parts.join('');
}
