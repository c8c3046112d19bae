import { asBusError, BusError } from '../base/errors.ts';
import { LinkPort, type LinkReader } from '../session/link-port.ts';
import { type OpenedLink, openLink, RefusedError } from '../session/open-link.ts';
import { redial } from '../session/redial.ts';
import type { Session } from '../session/session.ts';
import { type ClientStatus, Lifecycle } from '../session/state.ts';
import type { Link } from '../transport/link.ts';
import type { EndFrame } from '../wire/frames.ts';
import { ClientOpening } from '../wire/opening/client-opening.ts';
import type { AskOptions } from './ask-options.ts';
import type { IncomingRequest } from './incoming.ts';
import type { ResolvedClientOptions } from './options.ts';
import { Peer, type PeerOwner } from './peer.ts';
import type { ClientPlatform } from './platform.ts';
import type { PeerHandle } from './plugin.ts';
import type { Plugins } from './plugins.ts';
import { clientHello, sessionOfClient } from './terms.ts';
import { withinTime } from './within-time.ts';

export interface ConversationOwner {
  readonly handle: PeerHandle;
  readonly plugins: Plugins;
  fire(event: 'ready' | 'error' | 'close' | 'status' | 'session' | 'undelivered' | 'slow', ...args: readonly unknown[]): void;
  message(lane: string, data: unknown): void;
  request(request: IncomingRequest, data: unknown): void;
  closed(): void;
}

/** A client's conversation with its server, over as many links as it takes. */
export class ClientConversation implements PeerOwner {
  readonly peer: Peer;
  id: string | undefined;
  readonly #options: ResolvedClientOptions;
  readonly #platform: ClientPlatform;
  readonly #owner: ConversationOwner;
  readonly #lifecycle: Lifecycle;
  #payload: unknown;
  #port: LinkPort | undefined;
  #token: string | undefined;
  #run = new AbortController();
  /** Set by the end of a session that is to be followed by another one at once. */
  #moving = false;

  constructor(options: ResolvedClientOptions, platform: ClientPlatform, owner: ConversationOwner) {
    this.#options = options;
    this.#platform = platform;
    this.#owner = owner;
    this.#lifecycle = new Lifecycle((status) => owner.fire('status', status));
    this.peer = new Peer(this, {
      clock: options.clock,
      policy: options.slowConsumer,
      exposeDetails: options.exposeErrorDetails,
    });
  }

  get handle(): PeerHandle {
    return this.#owner.handle;
  }

  get status(): ClientStatus {
    return this.#lifecycle.status;
  }

  get ready(): boolean {
    return this.#lifecycle.is('ready');
  }

  get idle(): boolean {
    return this.#lifecycle.is('idle');
  }

  get link(): Link | undefined {
    return this.#port?.link;
  }

  async connect(payload: unknown, ask: AskOptions): Promise<void> {
    if (!this.#lifecycle.is('idle')) throw new BusError('ERR_STATE', 'The client is connected, or about to be');
    if (ask.signal?.aborted === true) throw new BusError('ERR_ABORTED', undefined, { cause: ask.signal.reason });
    this.#payload = payload;
    const run = new AbortController();
    this.#run = run;
    this.#lifecycle.move('connecting');
    const { clock } = this.#options;
    const abort = (): void => run.abort(new BusError('ERR_ABORTED', undefined, { cause: ask.signal?.reason }));
    ask.signal?.addEventListener('abort', abort, { once: true });
    const timer =
      ask.timeoutMs === undefined
        ? undefined
        : clock.setTimer(
            () => run.abort(new BusError('ERR_TIMEOUT', `Not connected within ${ask.timeoutMs} ms`)),
            ask.timeoutMs,
          );
    try {
      await this.#owner.plugins.runStart();
      await this.#dialUntilReady(run.signal, this.#options.retries, false);
    } catch (error) {
      const failure = asBusError(error, 'ERR_CONNECT');
      if (this.#run === run) this.#over(failure, undefined, false);
      throw failure;
    } finally {
      timer?.cancel();
      ask.signal?.removeEventListener('abort', abort);
    }
  }

  async close(reason: unknown): Promise<boolean> {
    if (this.#lifecycle.is('idle', 'closing')) return false;
    if (!this.#lifecycle.is('ready')) {
      await this.#owner.plugins.runClose();
      this.#over(new BusError('ERR_CLOSED'), reason, true);
      return true;
    }
    await this.#owner.plugins.runClose();
    if (!this.#lifecycle.is('ready')) return this.close(reason);
    this.#lifecycle.move('closing');
    const { clock, closeTimeoutMs } = this.#options;
    const port = this.#port;
    const session = this.peer.session;
    session?.holdBack();
    await withinTime(clock, closeTimeoutMs, this.peer.whenIdle().then(() => this.peer.flush()));
    if (!this.#lifecycle.is('closing')) return true;
    this.peer.session?.end(reason, false, undefined);
    this.#over(new BusError('ERR_CLOSED'), reason, true);
    port?.end();
    return true;
  }

  destroy(reason: unknown): boolean {
    if (this.#lifecycle.is('idle')) return false;
    const port = this.#port;
    if (this.#lifecycle.is('ready', 'closing')) this.peer.session?.end(reason, false, undefined);
    this.#over(new BusError('ERR_DESTROYED'), reason, true);
    port?.end();
    return true;
  }

  message(lane: string, data: unknown): void {
    this.#owner.message(lane, data);
  }

  request(request: IncomingRequest, data: unknown): void {
    this.#owner.request(request, data);
  }

  /** The server said END: for good, or to have its clients come back. */
  ended({ reason, allowReconnect, code }: EndFrame): void {
    const port = this.#port;
    if (this.#lifecycle.is('closing') || !(allowReconnect && this.#options.reconnect)) {
      this.#over(new BusError(code ?? 'ERR_CLOSED', typeof reason === 'string' ? reason : 'The server closed the connection'), reason, true);
      port?.end();
      return;
    }
    this.#sessionLost(new BusError('ERR_SESSION_LOST', 'The server ended the session'));
    port?.end();
  }

  /** The server is about to close: finishes everything here, then moves to the next server. */
  goingAway(): void {
    if (this.#moving || !this.#lifecycle.is('ready')) return;
    if (!this.#options.reconnect) return;
    this.#moving = true;
    const session = this.peer.session;
    void this.peer.finishSession().then(() => {
      if (this.peer.session === session) session?.end('moved', true, undefined);
    });
  }

  broken(error: BusError): void {
    if (error.code !== 'ERR_TIMEOUT') this.#owner.fire('error', error);
    this.#port?.destroy();
    this.#linkLost(error);
  }

  slow(): void {
    const { slowConsumer: policy } = this.#options;
    const { session, waiting } = this.peer;
    const bytes = session?.pendingBytes ?? 0;
    this.#owner.fire('slow', { peer: this.handle, policy, bytes, messages: waiting + (session?.pendingFrames ?? 0) });
    if (policy === 'drop-newest') this.peer.dropWaiting(new BusError('ERR_SLOW_CONSUMER'));
    if (policy === 'disconnect') this.destroy('slow consumer');
  }

  refusal(): BusError | undefined {
    if (this.#lifecycle.is('idle')) return new BusError('ERR_CLOSED', 'The client is not connected');
    if (this.#lifecycle.is('closing')) return new BusError('ERR_CLOSED', 'The client is closing');
    return undefined;
  }

  async #dialUntilReady(signal: AbortSignal, retries: number, waitFirst: boolean): Promise<void> {
    const { maxRetryTime, clock, random } = this.#options;
    await redial(() => this.#attempt(signal), {
      retries,
      maxRetryTime,
      waitFirst,
      clock,
      random,
      signal,
      mayRetry: (error) => !(error instanceof RefusedError && !error.allowReconnect) && !isFinal(error),
      waiting: () => this.#lifecycle.move('reconnecting'),
    });
  }

  async #attempt(runSignal: AbortSignal): Promise<void> {
    const { clock, handshakeTimeoutMs, handshake } = this.#options;
    if (!this.#lifecycle.is('connecting')) this.#lifecycle.move('connecting');
    const attempt = new AbortController();
    const abort = (): void => attempt.abort(runSignal.reason);
    runSignal.addEventListener('abort', abort, { once: true });
    const timer = clock.setTimer(
      () => attempt.abort(new BusError('ERR_TIMEOUT', `The server did not answer within ${handshakeTimeoutMs} ms`)),
      handshakeTimeoutMs,
    );
    let port: LinkPort | undefined;
    try {
      const { dial, host } = this.#platform.dialer(this.#options);
      const link = await dial(attempt.signal);
      port = new LinkPort(link);
      this.#lifecycle.move('connected');
      const hello = clientHello(this.#options, this.#payload, link, this.id, this.#token, this.peer.session);
      const asked = typeof handshake === 'object' ? handshake : {};
      const http = handshake === undefined || handshake === false ? false : { host: asked.host ?? host, path: asked.path ?? '/' };
      const limits = { maxBytes: 65_536, maxDepth: this.#options.maxDepth };
      const opened = await openLink(port, new ClientOpening({ hello, http, limits }), attempt.signal);
      this.#opened(port, opened);
    } catch (error) {
      port?.destroy();
      if (!this.#lifecycle.is('idle')) this.#lifecycle.move('disconnected');
      throw error;
    } finally {
      timer.cancel();
      runSignal.removeEventListener('abort', abort);
    }
  }

  #opened(port: LinkPort, { hello, rest }: OpenedLink): void {
    const before = this.peer.session;
    const offer = hello.busbar;
    const outcome = offer?.outcome === 'resumed' && before !== undefined ? 'resumed' : offer?.outcome === 'lost' || before !== undefined ? 'lost' : 'fresh';
    this.#port = port;
    this.id = hello.id;
    this.#moving = false;
    const left = outcome === 'resumed' ? [] : this.peer.unbind(new BusError('ERR_SESSION_LOST'));
    const session =
      outcome === 'resumed' && before !== undefined
        ? before
        : sessionOfClient(hello, port, this.#options, this.#platform, this.peer);
    if (outcome !== 'resumed') this.#token = offer?.token;
    if (hello.compress && offer !== undefined) this.#compress(port);
    port.read(this.#reader(port, session));
    if (!session.attach(port, offer?.received ?? 0)) {
      port.destroy();
      this.#token = undefined;
      throw new BusError('ERR_PROTOCOL', 'The server resumed another session');
    }
    this.#lifecycle.move('ready');
    const resend = outcome !== 'resumed' && this.#options.onLost === 'resend' ? left : [];
    if (outcome === 'resumed') this.peer.room();
    else this.peer.bind(session, resend);
    if (outcome !== 'resumed') {
      if (resend.length === 0) this.#undelivered(left);
      this.#owner.fire('ready', { id: hello.id, compress: hello.compress, messagepack: hello.messagepack });
      this.#owner.plugins.connected(this.handle, undefined);
    } else {
      this.#owner.plugins.linkChanged(this.handle, true);
    }
    this.#owner.fire('session', { outcome, id: hello.id });
    if (rest.length > 0) port.data(rest);
  }

  #compress(port: LinkPort): void {
    const { compression } = this.#platform;
    if (compression !== undefined) port.compress(compression.deflater(), compression.inflater(65_536 + 4_096));
  }

  #reader(port: LinkPort, session: Session): LinkReader {
    return {
      data: (bytes) => session.receiveBytes(bytes),
      drain: () => session.linkDrained(),
      close: () => {
        if (this.#port === port) this.#linkLost(undefined);
      },
      failed: (error) => {
        if (this.#port === port) this.broken(error);
      },
    };
  }

  /** The link is gone; the session may still resume on another one. */
  #linkLost(error: BusError | undefined): void {
    this.#port?.read(undefined);
    this.#port = undefined;
    const { session } = this.peer;
    session?.detach();
    if (this.#lifecycle.is('idle')) return;
    if (this.#lifecycle.is('closing') || !this.#options.reconnect) {
      this.#over(error ?? new BusError('ERR_CLOSED', 'The link was lost'), undefined, true);
      return;
    }
    if (!this.#lifecycle.is('ready')) return;
    if (session?.tier === 'legacy' || this.#moving) this.#sessionLost(new BusError('ERR_SESSION_LOST'));
    else {
      this.#owner.plugins.linkChanged(this.handle, false);
      this.#comeBack();
    }
  }

  /** The session is over, and another one is to follow. */
  #sessionLost(error: BusError): void {
    this.#port?.read(undefined);
    this.#port = undefined;
    this.#token = undefined;
    const left = this.peer.unbind(error);
    this.#undelivered(left);
    this.#owner.plugins.disconnected(this.handle, error);
    if (this.#lifecycle.is('ready')) this.#comeBack();
  }

  #comeBack(): void {
    this.#lifecycle.move('disconnected');
    const run = new AbortController();
    this.#run = run;
    this.#dialUntilReady(run.signal, Number.POSITIVE_INFINITY, !this.#moving).catch((error: unknown) => {
      if (this.#run !== run || this.#lifecycle.is('idle')) return;
      const failure = asBusError(error, 'ERR_CONNECT');
      this.#owner.fire('error', failure);
      this.#over(failure, failure instanceof RefusedError ? failure.reason : failure, true);
    });
  }

  /** Ends everything for good; `tell` emits `close`. */
  #over(error: BusError, reason: unknown, tell: boolean): void {
    this.#run.abort(error);
    this.#port?.read(undefined);
    this.#port = undefined;
    this.#token = undefined;
    this.#moving = false;
    const hadSession = this.peer.session !== undefined;
    this.#lifecycle.move('idle');
    const left = this.peer.unbind(error);
    this.peer.fail(error);
    this.#undelivered(left);
    this.id = undefined;
    if (hadSession) this.#owner.plugins.disconnected(this.handle, reason);
    this.#owner.closed();
    if (tell) this.#owner.fire('close', reason);
  }

  #undelivered(left: readonly { readonly data: unknown }[]): void {
    if (left.length > 0) {
      this.#owner.fire(
        'undelivered',
        left.map(({ data }) => ({ data })),
      );
    }
  }
}

/** Errors that another attempt would meet again. */
function isFinal(error: Error): boolean {
  if (!(error instanceof BusError)) return false;
  return ['ERR_UNAUTHORIZED', 'ERR_INCOMPATIBLE', 'ERR_INVALID_OPTION', 'ERR_UNENCODABLE', 'ERR_TOO_LARGE', 'ERR_ABORTED'].includes(error.code);
}
