import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { root } from './repository.ts';

export interface Import {
  readonly specifier: string;
  /** Gone after compilation. */
  readonly typeOnly: boolean;
}

/** A file of lib/. */
export interface Source {
  readonly name: string;
  readonly text: string;
  /** The text without its comments and strings. */
  readonly code: string;
  readonly imports: readonly Import[];
}

const comment = /\/\*[\s\S]*?\*\/|\/\/[^\n]*/;
const string = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/;
const template = /`(?:\\.|[^`\\])*`/;
const token = new RegExp([comment, string, template].map(({ source }) => source).join('|'), 'g');

/** The text with its comments blanked. */
export function withoutComments(text: string): string {
  return text.replace(token, (found) => (found.startsWith('/') ? found.replace(/[^\n]/g, ' ') : found));
}

/** The text with comments and strings blanked. */
function withoutProse(text: string): string {
  return text.replace(token, (found) => (found.startsWith('`') ? found : found.replace(/[^\n]/g, ' ')));
}

/** What a text without comments imports, in every form of statement. */
export function importsOf(code: string): Import[] {
  const names = /[\w$*{},\s]+?/.source;
  const statements = new RegExp(
    `^(?:import\\s*|(?:import|export)(\\s+type)?\\s*${names}\\bfrom\\s*)(['"])([^'"\\n]+)\\2`,
    'gm',
  );
  const calls = /\b(?:import|require)\(\s*(['"])([^'"\n]+)\1/g;
  const found = [...code.matchAll(statements)].map((match) => ({
    specifier: match[3] ?? '',
    typeOnly: match[1] !== undefined,
  }));
  for (const match of code.matchAll(calls)) found.push({ specifier: match[2] ?? '', typeOnly: false });
  return found;
}

const lib = join(root, 'lib');
export const sources = readdirSync(lib, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .sort()
  .map((name): Source => {
    const text = readFileSync(join(lib, name), 'utf8');
    return { name: normalize(name), text, code: withoutProse(text), imports: importsOf(withoutComments(text)) };
  });

interface Seam {
  readonly browser: string;
  readonly default: string;
}

/** What resolves to one file in pages and to another everywhere else. */
export const { imports: seams } = JSON.parse(readFileSync(join(lib, 'package.json'), 'utf8')) as {
  readonly imports: Record<string, Seam>;
};

/** What a side of a seam is: a file of lib/, or a package. */
export const sideOf = (target: string): string =>
  target.startsWith('.') ? normalize(target).replace(/js$/, 'ts') : target;

/** The files that an import leads to: both sides of a seam, none for packages. */
export function targetsOf(source: Source, { specifier }: Import): string[] {
  if (specifier.startsWith('.')) return [normalize(join(dirname(source.name), specifier))];
  const seam = seams[specifier];
  if (seam === undefined) return [];
  return [seam.browser, seam.default].filter((target) => target.startsWith('.')).map(sideOf);
}

/** The lines of code that fit, with their places. */
export function linesMatching(pattern: RegExp, chosen: readonly Source[] = sources): string[] {
  return chosen.flatMap(({ name, code }) =>
    code.split('\n').flatMap((line, index) => (pattern.test(line) ? [`${name}:${index + 1} ${line.trim()}`] : [])),
  );
}
