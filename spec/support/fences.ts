export interface Example {
  /** Where it stands: the document and the line of its fence. */
  readonly place: string;
  readonly language: 'js' | 'ts' | 'cjs';
  readonly code: string;
  readonly prints: string | undefined;
  /** What a difference leads away from. */
  readonly was?: string;
}

/** The fences marked `<!-- runs -->`, a `diff ts` among them, each with the `text` fence marked `<!-- prints -->` that may follow it. */
export function examplesOf(document: string, text: string): Example[] {
  const pattern =
    /<!-- runs -->\s*```(js|ts|cjs|diff)(?: (ts))?\n([\s\S]*?)```\n(?:\s*<!-- prints -->\s*```text\n([\s\S]*?)```)?/g;
  return [...text.matchAll(pattern)].map((match) => ({
    place: `${document}:${text.slice(0, match.index).split('\n').length}`,
    language: match[2] === 'ts' || match[1] === 'ts' ? 'ts' : match[1] === 'cjs' ? 'cjs' : 'js',
    code: match[1] === 'diff' ? sideOf(match[3] ?? '', '-') : (match[3] ?? ''),
    prints: match[4],
    ...(match[1] === 'diff' ? { was: sideOf(match[3] ?? '', '+') } : {}),
  }));
}

/** A difference without the lines of one of its sides. */
function sideOf(difference: string, other: '-' | '+'): string {
  const lines = difference.split('\n').filter((line) => !line.startsWith(other));
  return lines.map((line) => line.slice(1)).join('\n');
}

/** The fences that do not run: their code is a part of a program. */
export function partsOf(document: string, text: string): Pick<Example, 'place' | 'code'>[] {
  const pattern = /(?<!<!-- (?:runs|file: \S+) -->\s*)^```(?:js|ts|cjs)\n([\s\S]*?)```$/gm;
  return [...text.matchAll(pattern)].map(({ index, 1: code = '' }) => ({
    place: `${document}:${text.slice(0, index).split('\n').length}`,
    code,
  }));
}

/** Several files that run at the same time, each after `<!-- file: name -->`. */
export interface Program {
  readonly place: string;
  readonly files: readonly (readonly [name: string, code: string])[];
  /** What the last one prints, which ends the others. */
  readonly prints: string | undefined;
}

export function programsOf(document: string, text: string): Program[] {
  return text.split(/^(?=## )/m).flatMap((section) => {
    const files = [...section.matchAll(/<!-- file: (\S+) -->\s*```js\n([\s\S]*?)```/g)];
    const [first] = files;
    if (first === undefined) return [];
    return {
      place: `${document}:${text.slice(0, text.indexOf(first[0])).split('\n').length}`,
      files: files.map(([, name = '', code = '']) => [name, code] as const),
      prints: /<!-- prints -->\s*```text\n([\s\S]*?)```/.exec(section)?.[1],
    };
  });
}
