import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/**
 * A declaration file of compiled code with the default of each option in its comment, where editors show it: what the tables
 * of options in the module beside it have.
 */
export async function withDefaults(path) {
  const source = readFileSync(path, 'utf8');
  if (!source.includes('OptionSpec<')) return source;
  const tables = await import(pathToFileURL(path.replace(/\.d\.ts$/, '.js')).href);
  let table;
  return source
    .split('\n')
    .map((line, at, lines) => {
      table = /^export declare const (\w+): /.exec(line)?.[1] ?? table;
      const option = optionOf.exec(lines[at + 1] ?? '')?.[1];
      if (option === undefined || !line.endsWith('*/')) return line;
      const text = shownDefault(tables[table]?.[option]?.default);
      if (text === undefined) return line;
      const [, indent, opened] = /^( *)\/\*\* (.*) \*\/$/.exec(line) ?? /^( *) \*\/$/.exec(line) ?? [];
      if (indent === undefined) return line;
      const begin = opened === undefined ? '' : `${indent}/**\n${indent} * ${opened}\n`;
      return `${begin}${indent} * @default ${text}\n${indent} */`;
    })
    .join('\n');
}

const optionOf = /^ *(?:readonly )?(\w+): (?:import\([^)]*\)\.)?OptionSpec</;

/** As code; undefined for what has no short form, or says nothing. */
export function shownDefault(value) {
  if (typeof value === 'number')
    return Number.isSafeInteger(value) ? value.toLocaleString('en-US').replaceAll(',', '_') : String(value);
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return JSON.stringify(value);
  return undefined;
}
