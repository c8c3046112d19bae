import type { Clock } from '../base/clock.ts';
import { BusError } from '../base/errors.ts';
import { checkSettings, checkSwitch } from '../base/options.ts';
import { onAbort } from '../base/wait.ts';

/** How `connect`, `survey`, `ping` and the `request` of a `Connection` may be told when to give up. */
export interface AskSettings {
  /** Milliseconds; 0 or Infinity mean no timeout. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The same for the `request` of a `Client`, which can have another session with its server. */
export interface RequestSettings extends AskSettings {
  /** May be asked again in a new session when the first one was lost with the question. */
  readonly idempotent?: boolean | undefined;
  /**
   * Survives the end of either process, and is answered once; for a client with the option `journal`, else
   * `ERR_INVALID_ARGUMENT`. Implies `idempotent`. `timeout` and `signal` end the wait, and not the request.
   */
  readonly durable?: boolean | undefined;
  /** Of a durable request: asked again with the same one, in the next process too, it has the same answer. 1 to 256 bytes. */
  readonly key?: string | undefined;
}

/** All that an ask can be given; which of it one call takes, its names say. */
interface Given extends RequestSettings {
  readonly withdrawal?: Withdrawal | undefined;
  readonly unclaimed?: ((answer: unknown) => void) | undefined;
}

/** The same, checked. */
export interface AskOptions {
  /** undefined: no timeout. */
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly idempotent: boolean;
  /** How the one who asks may take the question back. */
  readonly withdrawal?: Withdrawal | undefined;
  /** Gets an answer that comes when the question was given up; one for each lane of a peer, the last one given. */
  readonly unclaimed?: ((answer: unknown) => void) | undefined;
}

export const askNames = ['timeout', 'signal'];
/** Those of a request that may be asked again. */
export const requestNames = ['timeout', 'signal', 'idempotent'];
/** Those of a request on a lane. */
export const laneAskNames = ['timeout', 'signal', 'withdrawal', 'unclaimed'];

/** Reads `number | { timeout, signal }`, where there may be the `names`; throws `ERR_INVALID_ARGUMENT`. */
export function askOptions(
  given: number | Given | undefined,
  defaultTimeoutMs: number | undefined,
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
  if (typeof value !== 'number' || Number.isNaN(value) || value < 0) {
    throw new BusError('ERR_INVALID_ARGUMENT', `A timeout is in milliseconds, 0 or more, not ${String(value)}`);
  }
  return value === 0 || value === Number.POSITIVE_INFINITY ? undefined : value;
}

/** Takes back one question. What an AbortSignal does too, at a tenth of the cost, for those who ask many at once. */
export class Withdrawal {
  #stop: ((error: BusError) => void) | undefined;

  /** Called by whoever carries the question, with how to end it. */
  bind(stop: (error: BusError) => void): void {
    this.#stop = stop;
  }

  /** Rejects the question with `error` and tells the peer; nothing happens once it is settled. */
  withdraw(error: BusError): void {
    this.#stop?.(error);
  }
}

/** Aborts `controller` by the caller's signal or after its time, with the error to reject with; returns how to stop that. */
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

/** How `send` may be told what to wait for, and for how long. */
export interface SendSettings {
  /** Waits until the peer has handled the message instead of until there is room for it. */
  readonly confirm?: boolean | undefined;
  /** Milliseconds; by default, as with 0 and Infinity, there is no timeout. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * Waits until the message is in the journal here, with `confirm` until it is in that of the peer; where the client or
   * server has the option `journal`, else `ERR_INVALID_ARGUMENT`. Needs no link.
   */
  readonly durable?: boolean | undefined;
}

/** The same, checked. */
export interface SendOptions {
  readonly confirm: boolean;
  readonly until: AskOptions;
}

const known = ['confirm', 'timeout', 'signal'];

/** undefined where nothing is asked for. Throws `ERR_INVALID_ARGUMENT`. */
export function sendOptions(given: SendSettings | undefined): SendOptions | undefined {
  if (given === undefined) return undefined;
  checkSettings('send takes its settings as', known, given);
  const { confirm = false, timeout, signal } = given;
  checkSwitch('confirm', confirm);
  const until = askOptions({ timeout, signal }, undefined);
  if (!confirm && until.timeoutMs === undefined && signal === undefined) return undefined;
  return { confirm, until };
}

/** How a durable send is waited for. */
export interface DurableSendOptions {
  /** Until the peer's journal has it. */
  readonly confirm: boolean;
  /** undefined: no timeout. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a send with the setting `durable` is; undefined for one that is not durable. @throws BusError `ERR_INVALID_ARGUMENT`. */
export function durableOptions({ durable, ...others }: SendSettings): DurableSendOptions | undefined {
  checkSwitch('durable', durable);
  const options = sendOptions(others);
  return durable === true ? { confirm: options?.confirm === true, ...options?.until } : undefined;
}

export interface StartSettings {
  /** Takes a live unix path over from the server that has it; that one drains and closes by itself. */
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

/** Who is meant: a group by its name, a connection, or a list of them. */
export type Audience<Member> = string | Member | readonly (string | Member)[];

/** To whom of all clients something goes: `to` without `except`. */
export interface AudienceSettings<Member> {
  /** All clients by default. A group nobody has joined is nobody. */
  readonly to?: Audience<Member> | undefined;
  readonly except?: Audience<Member> | undefined;
}

/** The names of those settings. */
export const audienceNames = ['to', 'except'];

/** How `Server.survey` and `ping` may be told whom to ask, and when to give up. */
export interface SurveySettings<Member> extends AskSettings, AudienceSettings<Member> {}
