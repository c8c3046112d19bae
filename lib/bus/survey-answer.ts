import type { BusError } from '../base/errors.ts';
import type { Unchecked } from './contract.ts';

/** One member's answer, as it comes. */
export type SurveyAnswer<Handle, Value> =
  | { readonly peer: Handle; readonly status: 'fulfilled'; readonly value: Value }
  | { readonly peer: Handle; readonly status: 'rejected'; readonly reason: BusError };

/** What `survey` and `ping` resolve for each member, as `Promise.allSettled` would. */
export type SurveyResult<Value> =
  | { readonly status: 'fulfilled'; readonly value: Value; readonly reason?: undefined }
  | { readonly status: 'rejected'; readonly value?: undefined; readonly reason: BusError };

/** What net-ipc calls it. */
export type PromiseSettled<Value = Unchecked> = SurveyResult<Value>;

/** Settings of a survey whose answers arrive one by one: how long it may last, and how many answers are wanted. */
export interface SurveyStreamSettings {
  /** Milliseconds for the whole survey, by default 10,000; 0 means no timeout. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Ends the stream after this many fulfilled answers. */
  readonly quorum?: number | undefined;
  /** The same as a quorum of one. */
  readonly first?: boolean | undefined;
}

/** An answer without whose it is. */
export function resultOf(answer: SurveyAnswer<unknown, unknown>): SurveyResult<unknown> {
  return answer.status === 'fulfilled'
    ? { status: 'fulfilled', value: answer.value }
    : { status: 'rejected', reason: answer.reason };
}
