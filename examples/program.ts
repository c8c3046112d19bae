import { basename } from 'node:path';
import process from 'node:process';

/**
 * The arguments of this program, as many as there are `names`; with others it says how it is called, and ends. What goes
 * wrong later is said in one line, as for most who read it the way through the code tells nothing.
 */
export function argumentsOf<const Names extends readonly string[]>(...names: Names): { [Key in keyof Names]: string } {
  process.once('uncaughtException', (error) => end(error.message));
  const [, program = '', ...given] = process.argv;
  if (given.length !== names.length || given.some((one) => one.startsWith('--'))) {
    end(`usage: node ${basename(program)} ${names.join(' ')}`, 2);
  }
  return given as { [Key in keyof Names]: string };
}

/** Ends this program with one line that says why. */
export function end(line: string, code = 1): never {
  process.stderr.write(`${line}\n`);
  process.exit(code);
}
