import { ClientHandshake } from '#codec';
import type { Timer, Clock } from '../../base/clock.ts';
import { BusError, asBusError } from '../../base/errors.ts';
import { textOf } from '../../base/thrown.ts';
import { inTime, retryDelayMs } from '../../base/wait.ts';
import { LinkPort } from '../../session/link-port.ts';
import { openLink, RefusedError } from '../../session/open-link.ts';
import { redial } from '../../session/redial.ts';
import type { Lifecycle } from '../../session/state.ts';
import type { Link } from '../../transport/link.ts';
import type { ClientHello, ServerHello } from '../../wire/handshake/hello.ts';
import type { RetryInfo } from '../events.ts';
import type { ResolvedClientOptions } from '../options.ts';
import type { ClientPlatform, DialTarget } from '../platform.ts';

export interface DialerEvents {
  /** Gets ready for an opening; undefined where there is nothing to wait for. */
  preparing(signal: AbortSignal): Promise<void> | undefined;
  /** A link is open; returns what to say on it. */
  linked(link: Link): ClientHello;
  /** The server said hello; the port is to be read in the same turn. A throw fails the attempt. */
  opened(port: LinkPort, hello: ServerHello): void;
  /** An attempt failed as others may not. */
  failed(error: BusError): void;
  /** The server refused, for now or permanently. */
  refused(error: BusError): void;
  /** Another attempt follows after a wait. */
  waiting(retry: RetryInfo): void;
}

/**
 * What a link is for: the first session, another link of a client whose own broke, back to a server that ended or died, or
 * the next server, to which this one sent its clients.
 */
export type Errand = 'first' | 'again' | 'back' | 'next';

/** A broken link is replaced within this time, at random; one that broke sooner than `oftenMs` after that is not. */
const atOnceMs = 3;
const oftenMs = 1_000;

/** How a client gets from no link to one its server answered on: attempt by attempt, from state to state. */
export class ClientDialer {
  readonly #options: ResolvedClientOptions;
  readonly #target: DialTarget;
  readonly #lifecycle: Lifecycle;
  readonly #events: DialerEvents;
  #dialledAtOnceAt = -oftenMs;

  /** @throws BusError `ERR_INVALID_OPTION` or `ERR_TOO_LARGE` for an address that cannot be connected to. */
  constructor(options: ResolvedClientOptions, platform: ClientPlatform, lifecycle: Lifecycle, events: DialerEvents) {
    this.#options = options;
    this.#target = platform.dialer(options);
    this.#lifecycle = lifecycle;
    this.#events = events;
  }

  /**
   * Attempts until one succeeds. Rejects with the last error when it is final or, the first time, after `retries` further
   * attempts; or the reason of `signal`. The waits of those who come back are spread, as they may be many; a link that
   * broke, while nothing is known of its server, is replaced at once.
   */
  dial(signal: AbortSignal, errand: Errand): Promise<void> {
    const { retries, maxRetryTime, clock, random } = this.#options;
    const first = errand === 'first';
    return redial(() => this.#attempt(signal), {
      retries: first ? retries : Number.POSITIVE_INFINITY,
      maxRetryTime,
      firstWaitMs: first || errand === 'next' ? undefined : this.#firstWaitMs(errand === 'again'),
      clock,
      random: first ? undefined : random,
      signal,
      mayRetry: (error) => !isFinal(error),
      waiting: (attempt, waitMs) => {
        this.#lifecycle.move('reconnecting');
        this.#events.waiting({ attempt, waitMs });
      },
    });
  }

  /** `broke`: a link broke, and nothing is known of its server. */
  #firstWaitMs(broke: boolean): number {
    const { maxRetryTime, clock, random } = this.#options;
    const isOften = clock.now() - this.#dialledAtOnceAt < oftenMs;
    if (!broke || isOften) return retryDelayMs(1, maxRetryTime, random);
    this.#dialledAtOnceAt = clock.now();
    return random.unit() * atOnceMs;
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    const { clock, handshakeTimeoutMs, maxDepth } = this.#options;
    signal.throwIfAborted();
    this.#lifecycle.move('connecting');
    const attempt = new AbortController();
    const abort = (): void => attempt.abort(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    const late = (): void =>
      attempt.abort(new BusError('ERR_TIMEOUT', `The server did not answer within ${handshakeTimeoutMs} ms`));
    let timer: Timer | undefined;
    let port: LinkPort | undefined;
    try {
      const preparing = this.#events.preparing(signal);
      if (preparing !== undefined) await preparing;
      timer = clock.setTimer(late, handshakeTimeoutMs);
      port = new LinkPort(await this.#target.dial(attempt.signal), clock);
      attempt.signal.throwIfAborted();
      this.#lifecycle.move('connected');
      const hello = this.#events.linked(port.link);
      const { prover } = this.#target;
      const opening = new ClientHandshake({
        hello,
        http: this.#upgrade(),
        limits: { maxBytes: 65_536, maxDepth },
        prove: prover?.(port.link),
      });
      const opened = await openLink(port, opening, attempt.signal);
      attempt.signal.throwIfAborted();
      this.#events.opened(port, opened);
    } catch (error) {
      port?.destroy();
      // Whoever gave this attempt up has gone on, perhaps to the next one.
      if (!signal.aborted) this.#failed(error);
      throw error;
    } finally {
      timer?.cancel();
      signal.removeEventListener('abort', abort);
    }
  }

  #failed(error: unknown): void {
    if (!this.#lifecycle.is('idle')) this.#lifecycle.move('disconnected');
    if (error instanceof RefusedError) this.#events.refused(error);
    if (!isFinal(error)) this.#events.failed(failureOf(error));
  }

  /** The HTTP upgrade to open with, if one is asked for. */
  #upgrade(): { readonly host: string; readonly path: string } | false {
    const { handshake } = this.#options;
    if (handshake === undefined || handshake === false) return false;
    const asked = typeof handshake === 'object' ? handshake : {};
    return { host: asked.host ?? this.#target.host, path: asked.path ?? '/' };
  }
}

const finalCodes: ReadonlySet<string> = new Set([
  'ERR_UNAUTHORIZED',
  'ERR_INCOMPATIBLE',
  'ERR_UNENCODABLE',
  'ERR_TOO_LARGE',
  'ERR_ABORTED',
]);

const ownCodes: ReadonlySet<string> = new Set(['ERR_CONNECT', 'ERR_LISTENER']);

/** `ERR_CONNECT`, whatever it was that kept the server from answering, or what it refused, or the payload failed, with. */
function failureOf(error: unknown): BusError {
  if (error instanceof RefusedError || (error instanceof BusError && ownCodes.has(error.code))) return error;
  return new BusError('ERR_CONNECT', textOf(error), { cause: error });
}

/** Whether another attempt would meet the same error again. */
function isFinal(error: unknown): boolean {
  if (error instanceof RefusedError) return !error.allowReconnect;
  return error instanceof BusError ? finalCodes.has(error.code) : error instanceof TypeError;
}

/** What a client shows its server: as it was given to `connect()`, or asked for before each opening. */
export class Credentials {
  /** What to show now. */
  payload: unknown;
  readonly #ask: (() => unknown) | undefined;
  readonly #clock: Clock;
  readonly #withinMs: number;

  constructor(given: unknown, clock: Clock, withinMs: number) {
    this.#ask = typeof given === 'function' ? (): unknown => Reflect.apply(given, undefined, []) : undefined;
    this.payload = this.#ask === undefined ? given : undefined;
    this.#clock = clock;
    this.#withinMs = withinMs;
  }

  /**
   * Asks again. Rejects with what the function fails with (a `BusError`, else `ERR_LISTENER` with that as its cause), `ERR_TIMEOUT`,
   * or the reason of `signal`. undefined: nobody has to be asked.
   */
  renew(signal: AbortSignal): Promise<void> | undefined {
    const ask = this.#ask;
    if (ask === undefined) return undefined;
    const asked = new Promise((resolve) => resolve(ask())).catch((error: unknown) => {
      throw asBusError(error, 'ERR_LISTENER');
    });
    const late = (): BusError =>
      new BusError('ERR_TIMEOUT', `The payload was not available within ${this.#withinMs} ms`);
    return inTime({ clock: this.#clock, ms: this.#withinMs, signal }, asked, late).then((payload) => {
      this.payload = payload;
    });
  }
}
