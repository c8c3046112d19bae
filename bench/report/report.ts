import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { importBenchModule, root } from '../packages.ts';
import type { Results } from '../results.ts';
import { groups } from '../scenarios/scenario.ts';
import { goalTable } from './goals.ts';
import { plots } from './plots.ts';
import { markdownTables } from './tables.ts';

/** Of the bus itself, its tables, and its plugins. */
const page = join(root, 'docs', 'performance.md');
const tablesPage = join(root, 'docs', 'performance-tables.md');
const pluginsPage = join(root, 'docs', 'performance-plugins.md');
const images = join(root, 'docs', 'img');

/** Writes what was measured into the pages, between their markers, and draws the plots; other groups keep their figures. */
export async function writeReport(results: Results): Promise<void> {
  const { machine, date } = results;
  const about = `Measured ${date} on ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.platform}, Node ${machine.node}.`;
  for (const group of groups) {
    const tables = markdownTables(results, group);
    if (tables === '') continue;
    const reached = [about, goalTable(results, group)].filter((part) => part !== '').join('\n\n');
    if (group === 'bus') {
      write(page, 'goals', reached);
      write(tablesPage, 'tables', tables);
    } else write(pluginsPage, group, `${reached}\n\n${tables}`);
  }
  await draw(results);
}

/** Writes the figures of the micro-bench into the page. */
export function writeMicro(figures: string): void {
  write(page, 'micro', `\`\`\`\n${figures}\`\`\``);
}

/** Writes between two markers of a page. */
function write(file: string, marker: string, content: string): void {
  const text = readFileSync(file, 'utf8');
  const start = `<!-- bench: ${marker} -->`;
  const end = '<!-- end of bench -->';
  const from = text.indexOf(start);
  const to = text.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`${file} lacks ${start}`);
  writeFileSync(file, `${text.slice(0, from + start.length)}\n\n${content}\n\n${text.slice(to)}`);
}

// What the plots are drawn with, as far as it is used here.
interface Lite {
  compile(plot: object): { readonly spec: object };
}
interface Vega {
  parse(spec: object): object;
  readonly View: new (plan: object, options: object) => { toSVG(): Promise<string>; finalize(): void };
}
interface Resvg {
  readonly Resvg: new (svg: string, options: object) => { render(): { asPng(): Uint8Array } };
}

async function draw(results: Results): Promise<void> {
  const [lite, vega, { Resvg }] = (await Promise.all(
    ['vega-lite', 'vega', '@resvg/resvg-js'].map(importBenchModule),
  )) as [Lite, Vega, Resvg];
  mkdirSync(images, { recursive: true });
  for (const [name, plot] of plots(results)) {
    const view = new vega.View(vega.parse(lite.compile(plot).spec), { renderer: 'none' });
    const svg = await view.toSVG();
    view.finalize();
    writeFileSync(join(images, `${name}.svg`), svg);
    const image = new Resvg(svg, { fitTo: { mode: 'zoom', value: 1.5 }, font: { loadSystemFonts: true } });
    writeFileSync(join(images, `${name}.png`), image.render().asPng());
  }
}
