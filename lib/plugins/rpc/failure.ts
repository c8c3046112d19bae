import { codeOf } from '../../base/code-of.ts';
import { toFailure } from '../../base/failure.ts';
import { type AnswerBody, kind, type RpcFrame } from './frame.ts';

/** Hears of what has no code of its own, which is no answer but a bug. */
type Report = (error: unknown) => void;

/** The answer of a call that failed. */
export function failureBody(error: unknown, report?: Report): AnswerBody {
  if (codeOf(error) === undefined) report?.(error);
  const { code, message, details } = toFailure(error);
  return details === undefined ? [false, code, message] : [false, code, message, details];
}

/** The end of a stream, with its error if it failed. */
export function endFrame(stream: number, error: unknown, report: Report): RpcFrame {
  if (error === undefined) return [kind.end, stream];
  if (codeOf(error) === undefined) report(error);
  const { code, message } = toFailure(error);
  return [kind.end, stream, code, message];
}
