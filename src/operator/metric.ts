// Counters, gauges and histograms that write themselves as Prometheus text (exposition format 0.0.4). By hand: it is a
// page of code, and the ready-made library takes longer to load than this daemon.

/** Peers choose some label values (actions, result codes); beyond this many series the rest is counted as "other". */
const MAX_SERIES = 200;

export type Labels = Readonly<Record<string, string>>;

export interface Metric {
  readonly name: string;
  text(): string;
}

const escapeLabel = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

const labelText = (labels: Labels): string => {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
};

const head = (name: string, kind: string, help: string): string => `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`;

export class Counter implements Metric {
  readonly name: string;
  readonly #help: string;
  readonly #series = new Map<string, number>();

  constructor(name: string, help: string) {
    this.name = name;
    this.#help = help;
  }

  add(labels: Labels = {}, amount = 1): void {
    let key = labelText(labels);
    if (!this.#series.has(key) && this.#series.size >= MAX_SERIES) {
      key = labelText(Object.fromEntries(Object.keys(labels).map((name) => [name, 'other'])));
    }
    this.#series.set(key, (this.#series.get(key) ?? 0) + amount);
  }

  valueOf(labels: Labels = {}): number {
    return this.#series.get(labelText(labels)) ?? 0;
  }

  text(): string {
    const lines = [...this.#series].map(([labels, value]) => `${this.name}${labels} ${value}\n`);
    return head(this.name, 'counter', this.#help) + (lines.length === 0 ? '' : lines.join(''));
  }
}

/** A value that is read when somebody asks; rows without one are left out. */
export function readingText(
  kind: 'gauge' | 'counter',
  name: string,
  help: string,
  rows: readonly (readonly [Labels, number | undefined])[],
): string {
  const known = rows.filter(([, value]) => value !== undefined);
  return head(name, kind, help) + known.map(([labels, value]) => `${name}${labelText(labels)} ${value}\n`).join('');
}

export interface HistogramReading {
  readonly labels: Labels;
  readonly bounds: readonly number[];
  /** How many were no more than each bound. */
  readonly atMost: readonly number[];
  readonly sum: number;
  readonly count: number;
}

export function histogramText(name: string, help: string, readings: readonly HistogramReading[]): string {
  const lines = readings.flatMap(({ labels, bounds, atMost, sum, count }) => [
    ...bounds.map(
      (bound, index) => `${name}_bucket${labelText({ ...labels, le: String(bound) })} ${atMost[index] ?? 0}\n`,
    ),
    `${name}_bucket${labelText({ ...labels, le: '+Inf' })} ${count}\n`,
    `${name}_sum${labelText(labels)} ${sum}\n`,
    `${name}_count${labelText(labels)} ${count}\n`,
  ]);
  return head(name, 'histogram', help) + lines.join('');
}

export class Histogram implements Metric {
  readonly name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];
  readonly #atMost: number[];
  #sum = 0;
  #count = 0;

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.name = name;
    this.#help = help;
    this.#bounds = bounds;
    this.#atMost = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.#sum += value;
    this.#count += 1;
    for (const [index, bound] of this.#bounds.entries()) {
      if (value <= bound) this.#atMost[index] = (this.#atMost[index] ?? 0) + 1;
    }
  }

  text(): string {
    const reading = { labels: {}, bounds: this.#bounds, atMost: this.#atMost, sum: this.#sum, count: this.#count };
    return histogramText(this.name, this.#help, [reading]);
  }
}
