import type uPlot from 'uplot';

const mostPoints = 300;
const height = 210;
const leastSeconds = 60;
const now = (): number => Date.now() / 1_000;

type Value = number | null;

/** A plot of the last minutes. */
export class Plot {
  readonly #plot: uPlot;
  readonly #times: number[] = [];
  readonly #series: Value[][];

  constructor(Library: typeof uPlot, into: HTMLElement, unit: string, names: readonly string[]) {
    this.#series = names.map(() => []);
    const colour = (name: string) => (): string => getComputedStyle(document.documentElement).getPropertyValue(name);
    const axis = { stroke: colour('--soft'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false } };
    this.#plot = new Library(
      {
        width: into.clientWidth,
        height,
        axes: [axis, { ...axis, label: unit, size: 46, labelSize: 18 }],
        series: [
          {},
          ...names.map((name, at) => ({
            label: name,
            stroke: colour(at === 0 ? '--in' : '--out'),
            width: 1.5,
            spanGaps: true,
            value: (_: uPlot, value: Value) => (value === null ? '-' : value.toFixed(2)),
          })),
        ],
        // The last minutes up to now, whatever there is of them yet.
        scales: {
          x: { range: (_, first, last) => [Math.min(first ?? now(), (last ?? now()) - leastSeconds), last ?? now()] },
          y: { range: (_, __, top) => [0, Math.max(1, top * 1.1)] },
        },
        cursor: { drag: { x: false, y: false } },
      },
      [[], ...names.map(() => [])],
      into,
    );
    new ResizeObserver(() => this.#plot.setSize({ width: into.clientWidth, height })).observe(into);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#plot.redraw(false, true));
  }

  add(at: number, values: readonly Value[]): void {
    this.#times.push(at);
    for (const [place, series] of this.#series.entries()) series.push(values[place] ?? null);
    if (this.#times.length > mostPoints) for (const one of [this.#times, ...this.#series]) one.shift();
    this.#plot.setData([this.#times, ...this.#series] as uPlot.AlignedData);
  }
}
