import { codeOf } from '../../base/code-of.ts';
import { BusError } from '../../base/errors.ts';
import { textOf } from '../../base/text-of.ts';
import { type AnswerBody, kind, type RpcFrame } from './frame.ts';

/** What of an error travels: its code and message, and the details that a `BusError` carries; never its stack. */
export function failureOf(error: unknown): { code: string; message: string; details: unknown } {
  const code = codeOf(error) ?? 'ERR_REMOTE';
  return { code, message: textOf(error), details: error instanceof BusError ? error.details : undefined };
}

/** Hears of what has no code of its own, which is no answer but a bug. */
type Report = (error: unknown) => void;

/** The answer of a call that failed. */
export function failureBody(error: unknown, report?: Report): AnswerBody {
  if (codeOf(error) === undefined) report?.(error);
  const { code, message, details } = failureOf(error);
  return details === undefined ? [false, code, message] : [false, code, message, details];
}

/** The end of a stream, with its error if it failed. */
export function endFrame(stream: number, error: unknown, report: Report): RpcFrame {
  if (error === undefined) return [kind.end, stream];
  if (codeOf(error) === undefined) report(error);
  const { code, message } = failureOf(error);
  return [kind.end, stream, code, message];
}
