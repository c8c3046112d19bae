import type { Clock } from '../base/clock.ts';
import { BusError } from '../base/errors.ts';
import { checkSettings, checkSwitch } from '../base/options.ts';
import { onAbort } from '../base/wait.ts';

/** Settings of `connect`, `survey`, `ping` and the `request` of a `Connection`: when to stop waiting. */
export interface AskSettings {
  /** Milliseconds; 0 or Infinity mean no timeout. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Settings of the `request` of a `Client`, which can get another session with its server. */
export type RequestSettings = UnkeyedRequestSettings | KeyedRequestSettings;

/** Those of a request without a key. */
export interface UnkeyedRequestSettings extends AskSettings {
  /** The request may be sent again in a new session if its session is lost. */
  readonly idempotent?: boolean | undefined;
  /**
   * Survives the end of either process, and is answered once. Needs the option `journal`, otherwise
   * `ERR_INVALID_ARGUMENT`. Implies `idempotent`. `timeout` and `signal` end the wait, not the request.
   */
  readonly durable?: boolean | undefined;
  readonly key?: undefined;
}

/** Those of a request that may have a key: one that is durable, or may be. */
export interface KeyedRequestSettings extends Omit<UnkeyedRequestSettings, 'key'> {
  readonly durable: boolean;
  /**
   * Names a durable request: a repetition with the same key, also by the next process, gets the same answer. 1 to 256
   * bytes. With the same key, data that encodes to other bytes rejects with `ERR_INVALID_ARGUMENT`.
   */
  readonly key?: string | undefined;
}

/** All settings of requests; `names` say which of them a call accepts. */
type Given = RequestSettings & {
  readonly withdrawal?: Withdrawal | undefined;
  readonly unclaimed?: ((answer: unknown) => void) | undefined;
};

/** The same, checked. */
export interface AskOptions {
  /** undefined: no timeout. */
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly idempotent: boolean;
  /** How the requester can cancel the request. */
  readonly withdrawal?: Withdrawal | undefined;
  /**
   * Gets an answer that arrives after its request was cancelled; one function for each lane of a peer, the last one
   * given.
   */
  readonly unclaimed?: ((answer: unknown) => void) | undefined;
}

export const askNames = ['timeout', 'signal'];
/** Names of the settings of a request that may be sent again. */
export const requestNames = ['timeout', 'signal', 'idempotent'];
/** Names of the settings of a request on a lane. */
export const laneAskNames = ['timeout', 'signal', 'withdrawal', 'unclaimed'];

/** Reads `number | { timeout, signal }` and the other settings in `names`; throws `ERR_INVALID_ARGUMENT`. */
export function askOptions(
  given: number | Given | undefined,
  defaultTimeoutMs?: number,
  names: readonly string[] = askNames,
): AskOptions {
  if (given === undefined) return { timeoutMs: defaultTimeoutMs, signal: undefined, idempotent: false };
  if (typeof given === 'number') return { timeoutMs: timeoutOf(given), signal: undefined, idempotent: false };
  checkSettings('A call takes a timeout in milliseconds or', names, given);
  const { timeout, signal, idempotent = false, withdrawal, unclaimed } = given;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new BusError('ERR_INVALID_ARGUMENT', 'signal must be an AbortSignal');
  }
  checkSwitch('idempotent', idempotent);
  const timeoutMs = timeout === undefined ? defaultTimeoutMs : timeoutOf(timeout);
  return { timeoutMs, signal, idempotent, withdrawal, unclaimed };
}

function timeoutOf(value: number): number | undefined {
  if (typeof value !== 'number' || !(value >= 0)) {
    throw new BusError('ERR_INVALID_ARGUMENT', `A timeout is in milliseconds, 0 or more, not ${String(value)}`);
  }
  return value === 0 || value === Number.POSITIVE_INFINITY ? undefined : value;
}

/** Cancels one request, as an AbortSignal does, at a tenth of the cost: for callers with many requests. */
export class Withdrawal {
  #stop: ((error: BusError) => void) | undefined;

  /** Called by the carrier of the request, with a function that ends it. */
  bind(stop: (error: BusError) => void): void {
    this.#stop = stop;
  }

  /** Rejects with the request with `error` and notifies the peer; has no effect on a settled request. */
  withdraw(error: BusError): void {
    this.#stop?.(error);
  }
}

/**
 * Aborts `controller` by the caller's signal or after its timeout, with the error to reject with; returns a function
 * that stops it.
 */
export function abortWhen(controller: AbortController, { signal, timeoutMs }: AskOptions, clock: Clock): () => void {
  const abort = (): void => controller.abort(new BusError('ERR_ABORTED', undefined, { cause: signal?.reason }));
  const stop = signal === undefined ? undefined : onAbort(signal, abort);
  const timer =
    timeoutMs === undefined
      ? undefined
      : clock.setTimer(
          () => controller.abort(new BusError('ERR_TIMEOUT', `Not connected within ${timeoutMs} ms`)),
          timeoutMs,
        );
  return () => {
    timer?.cancel();
    stop?.();
  };
}

/** Settings of `send`: what to wait for, and how long. */
export interface SendSettings {
  /** Waits until the peer has handled the message instead of until there is room for it. */
  readonly confirm?: boolean | undefined;
  /** Milliseconds. Default: no timeout, like 0 and Infinity. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * Waits until the message is in the journal of this end; with `confirm`, in that of the peer. Needs the option
   * `journal`, otherwise `ERR_INVALID_ARGUMENT`. Needs no link. While the folder is being opened or is full, 16,384
   * sends wait; further ones reject with `ERR_QUEUE_FULL`.
   */
  readonly durable?: boolean | undefined;
}

/** The same, checked. */
export interface SendOptions {
  readonly confirm?: boolean;
  readonly until: AskOptions;
}

const known = ['confirm', 'timeout', 'signal'];

/** undefined if there are no settings. Throws `ERR_INVALID_ARGUMENT`. */
export function sendOptions(given: SendSettings | undefined): SendOptions | undefined {
  if (given === undefined) return undefined;
  checkSettings('send takes its settings as', known, given);
  const { confirm = false, timeout, signal } = given;
  checkSwitch('confirm', confirm);
  const until = askOptions({ timeout, signal }, undefined);
  if (!confirm && until.timeoutMs === undefined && signal === undefined) return undefined;
  return { confirm, until };
}

/** Settings of a durable send. */
export interface DurableSendOptions {
  /** Until the peer's journal has it. */
  readonly confirm: boolean;
  /** undefined: no timeout. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The settings of a durable send; undefined for other sends. @throws BusError `ERR_INVALID_ARGUMENT`. */
export function durableOptions({ durable, ...others }: SendSettings): DurableSendOptions | undefined {
  checkSwitch('durable', durable);
  const options = sendOptions(others);
  if (durable === false) return undefined;
  return options === undefined ? plainlyDurable : { confirm: options.confirm === true, ...options.until };
}

const plainlyDurable: DurableSendOptions = { confirm: false };

export interface StartSettings {
  /** Takes a unix path over from the live server that has it; that server hands its clients over and closes. */
  readonly takeover?: boolean | undefined;
}

/** @throws BusError `ERR_INVALID_ARGUMENT`. */
export function startSettings(given: StartSettings = {}): StartSettings {
  checkSettings('start takes', ['takeover'], given);
  if (given.takeover !== undefined && typeof given.takeover !== 'boolean') {
    throw new BusError('ERR_INVALID_ARGUMENT', 'takeover must be true or false');
  }
  return given;
}

/** Selects clients: a group by its name, a connection, or a list of them. */
export type Audience<Member> = string | Member | readonly (string | Member)[];

/** The selected clients: `to` without `except`. */
export interface AudienceSettings<Member> {
  /** Default: all clients. A group without members selects nobody. */
  readonly to?: Audience<Member> | undefined;
  readonly except?: Audience<Member> | undefined;
}

/** The names of those settings. */
export const audienceNames = ['to', 'except'];

/** Settings of `Server.survey` and `ping`: whom to ask, and when to stop waiting. */
export interface SurveySettings<Member> extends AskSettings, AudienceSettings<Member> {}
