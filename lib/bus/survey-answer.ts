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
