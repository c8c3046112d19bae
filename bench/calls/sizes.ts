import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const lib = fileURLToPath(new URL('../../../lib', import.meta.url));
const core = new Set(['base', 'wire', 'transport', 'session', 'bus']);

/** Prints how many files and lines each layer of lib/ has, and the median and the longest of all files. */
export function printSizes(): void {
  const files = readdirSync(lib, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({ layer: layerOf(name), lines: readFileSync(join(lib, name), 'utf8').split('\n').length - 1 }));
  for (const layer of [...new Set(files.map((file) => file.layer))].sort()) {
    print(layer, ofLayer(layer));
  }
  print('core', lengths(files.filter(({ layer }) => core.has(layer))));
  print('lib', lengths(files));

  function ofLayer(layer: string): number[] {
    return lengths(files.filter((file) => file.layer === layer));
  }
}

function layerOf(name: string): string {
  const [layer = '', plugin = ''] = name.split('/');
  return layer === 'plugins' ? `${layer}/${plugin}` : layer;
}

function lengths(files: readonly { readonly lines: number }[]): number[] {
  return files.map(({ lines }) => lines).sort((a, b) => a - b);
}

function print(name: string, lines: readonly number[]): void {
  const whole = lines.reduce((sum, count) => sum + count, 0);
  const figures = [
    `${lines.length} files`,
    `${whole} lines`,
    `median ${lines[lines.length >> 1]}`,
    `most ${lines.at(-1)}`,
  ];
  process.stdout.write(`${name.padEnd(24)}${figures.map((figure) => figure.padStart(14)).join('')}\n`);
}
