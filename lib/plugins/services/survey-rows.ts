import { BusError } from '../../base/errors.ts';
import { toFailure } from '../../base/failure.ts';
import { isRow } from './protocol.ts';
import type { MemberAnswer } from './service.ts';

/** The answers of a survey as they travel. */
export function rowsOf(answers: readonly MemberAnswer<unknown>[]): unknown[] {
  return answers.map(({ member, status, value, reason }) => {
    if (status === 'fulfilled') return [member, true, value];
    const { code, message } = toFailure(reason);
    return [member, false, code, message];
  });
}

/** @throws BusError `ERR_PROTOCOL` for anything else. */
export function readRows(rows: unknown): MemberAnswer<unknown>[] {
  if (!Array.isArray(rows)) throw new BusError('ERR_PROTOCOL', 'This is not an answer of a survey');
  return rows.map((row) => {
    if (!isRow(row)) throw new BusError('ERR_PROTOCOL', 'This is not a row of a survey');
    const [member, isFulfilled, value, message] = row as readonly unknown[] & typeof row;
    if (isFulfilled) return { member, status: 'fulfilled', value };
    return { member, status: 'rejected', reason: new BusError(String(value), String(message)) };
  });
}
