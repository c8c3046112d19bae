import { askOptions, type AskOptions, requestNames } from '../../bus/plugin.ts';

export interface CallSettings {
  /** Milliseconds, by default 10,000; 0 means no timeout. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * On a `Client`: calls again in the next session when this one is lost with the call. Elsewhere, where a session is not
   * followed by another one, the call rejects with `ERR_INVALID_ARGUMENT`.
   */
  readonly idempotent?: boolean | undefined;
}

/** The last argument of a call if it has settings; it is not sent as an argument. */
export class CallOptions {
  /** @internal */
  readonly ask: AskOptions;

  constructor(settings: CallSettings) {
    this.ask = askOptions(settings, 10_000, requestNames);
  }
}

/** The options of one call, to be given as its last argument. Throws `ERR_INVALID_ARGUMENT`. */
export function callOptions(settings: CallSettings): CallOptions {
  return new CallOptions(settings);
}

/** For calls without options, and for callbacks. */
export const usualAsk = askOptions(undefined, 10_000);
