import { BusError } from '../base/errors.ts';
import { codeOf, textOf } from '../base/thrown.ts';
import { printableJson } from '../base/printable.ts';
import type { Surroundings } from './surroundings.ts';

/** What commands against a server end with. */
export const exitCode = { done: 0, refused: 1, usage: 2, nobody: 3, timeout: 4 } as const;

/** The system's words for an address where nobody is. */
const nobody: ReadonlySet<string | undefined> = new Set([
  'ENOENT',
  'ECONNREFUSED',
  'ENOTSOCK',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** Somebody called a command wrongly; the message says what it does not take. */
export class Misuse extends Error {}

/** Says what failed on stderr, as `{ code, message }`, and returns the exit code. */
export function failed(name: string, error: unknown, { complain }: Surroundings): number {
  const code = codeOf(error) ?? 'ERR_REMOTE';
  const message = textOf(error);
  if (error instanceof Misuse) {
    complain(`busbar ${name}: ${message}; busbar ${name} --help tells what it takes\n`);
    return exitCode.usage;
  }
  complain(`${printableJson({ code, message })}\n`);
  if (code === 'ERR_TIMEOUT') return exitCode.timeout;
  const isNobody = code === 'ERR_CONNECT' && error instanceof BusError && nobody.has(codeOf(error.cause));
  return isNobody ? exitCode.nobody : exitCode.refused;
}
