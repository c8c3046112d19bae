import { asBusError, BusError } from '../base/errors.ts';
import { type LinkHolder, type LinkPort, SessionReader } from '../session/link-port.ts';
import type { Entry } from '../session/outbox.ts';
import { RefusedError } from '../session/open-link.ts';
import { type ClientStatus, Lifecycle, type State } from '../session/state.ts';
import type { Link } from '../transport/link.ts';
import type { EndFrame } from '../wire/frames.ts';
import type { ServerHello } from '../wire/hello.ts';
import { abortWhen } from './abort-when.ts';
import type { AskOptions } from './ask-options.ts';
import { ClientDialer } from './client-dialer.ts';
import type { IncomingRequest } from './incoming.ts';
import type { ResolvedClientOptions } from './options.ts';
import { Peer, type PeerOwner } from './peer.ts';
import type { ClientPlatform } from './platform.ts';
import type { PeerHandle } from './plugin.ts';
import type { Plugins } from './plugins.ts';
import { clientHello, compressLink, sessionOfClient } from './terms.ts';
import { withinTime } from './within-time.ts';

export interface ConversationOwner {
  readonly handle: PeerHandle;
  readonly plugins: Plugins;
  fire(
    event: 'ready' | 'error' | 'close' | 'status' | 'session' | 'undelivered' | 'slow',
    ...args: readonly unknown[]
  ): void;
  message(lane: string, data: unknown, bytes: number): void;
  request(request: IncomingRequest, data: unknown): void;
  closed(): void;
}

/** A client's conversation with its server, over as many links as it takes. */
export class ClientConversation implements PeerOwner, LinkHolder {
  readonly peer: Peer;
  id: string | undefined;
  readonly #options: ResolvedClientOptions;
  readonly #platform: ClientPlatform;
  readonly #owner: ConversationOwner;
  readonly #lifecycle: Lifecycle;
  readonly #dialer: ClientDialer;
  #payload: unknown;
  #port: LinkPort | undefined;
  #token: string | undefined;
  readonly #resend: Entry[] = [];
  #run = new AbortController();
  /** Set by the end of a session that is to be followed by another one at once. */
  #moving = false;

  constructor(options: ResolvedClientOptions, platform: ClientPlatform, owner: ConversationOwner) {
    this.#options = options;
    this.#platform = platform;
    this.#owner = owner;
    this.#lifecycle = new Lifecycle((status) => owner.fire('status', status));
    this.#dialer = new ClientDialer(options, platform, {
      dialing: () => this.#lifecycle.move('connecting'),
      linked: (link) => {
        this.#lifecycle.move('connected');
        return clientHello(options, this.#payload, link, this.id, this.#token, this.peer.session);
      },
      opened: (port, hello) => this.#opened(port, hello),
      failed: () => this.#lifecycle.is('idle') || this.#lifecycle.move('disconnected'),
      waiting: () => this.#lifecycle.move('reconnecting'),
    });
    this.peer = new Peer(this, options);
  }

  get handle(): PeerHandle {
    return this.#owner.handle;
  }

  get status(): ClientStatus {
    return this.#lifecycle.status;
  }

  is(...states: readonly State[]): boolean {
    return this.#lifecycle.is(...states);
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
    const release = abortWhen(run, ask, this.#options.clock);
    try {
      await this.#owner.plugins.runStart();
      await this.#dialer.dial(run.signal, this.#options.retries, false);
    } catch (error) {
      const failure = asBusError(error, 'ERR_CONNECT');
      if (this.#run === run) this.#over(failure, undefined, false);
      throw failure;
    } finally {
      release();
    }
  }

  async close(reason: unknown): Promise<boolean> {
    if (this.#lifecycle.is('idle', 'closing')) return false;
    const { clock, closeTimeoutMs } = this.#options;
    await withinTime(clock, closeTimeoutMs, this.#owner.plugins.runClose());
    if (this.#lifecycle.is('idle', 'closing')) return true;
    const port = this.#port;
    if (this.#lifecycle.is('ready')) {
      this.#lifecycle.move('closing');
      this.peer.session?.holdBack();
      await withinTime(clock, closeTimeoutMs, this.peer.unlessSlow(this.peer.whenIdle()));
      if (!this.#lifecycle.is('closing')) return true;
    }
    this.peer.session?.out.end(reason, false, undefined);
    this.#over(new BusError('ERR_CLOSED'), reason, true);
    port?.end();
    return true;
  }

  destroy(reason: unknown): boolean {
    if (this.#lifecycle.is('idle')) return false;
    const port = this.#port;
    if (this.#lifecycle.is('ready', 'closing')) this.peer.session?.out.end(reason, false, undefined);
    this.#over(new BusError('ERR_DESTROYED'), reason, true);
    port?.end();
    return true;
  }

  message(lane: string, data: unknown, bytes: number): void {
    this.#owner.message(lane, data, bytes);
  }

  request(request: IncomingRequest, data: unknown): void {
    this.#owner.request(request, data);
  }

  /** The server said END: for good, or to have its clients come back. */
  ended({ reason, allowReconnect, code }: EndFrame): void {
    const port = this.#port;
    if (this.#lifecycle.is('closing') || !(allowReconnect && this.#options.reconnect)) {
      const message = typeof reason === 'string' ? reason : 'The server closed the connection';
      this.#over(new BusError(code ?? 'ERR_CLOSED', message), reason, true);
      port?.end();
      return;
    }
    this.#sessionLost(new BusError('ERR_SESSION_LOST', 'The server ended the session'));
    port?.end();
  }

  /** The server is about to close: finishes everything here, then moves to the next server, or ends if it may not. */
  goingAway(): void {
    if (this.#moving || !this.#lifecycle.is('ready')) return;
    this.#moving = true;
    const session = this.peer.session;
    void this.peer.finishSession().then(() => {
      if (this.peer.session === session) session?.out.end('moved', true, undefined);
    });
  }

  broken(error: BusError): void {
    if (error.code !== 'ERR_TIMEOUT') this.#owner.fire('error', error);
    if (this.peer.isStuckOn(error)) {
      this.ended({ type: 'end', reason: error.message, allowReconnect: true, code: undefined, size: 0 });
    } else {
      this.#port?.destroy();
      this.#detached(error);
    }
  }

  linkLost(port: LinkPort, error: BusError | undefined): void {
    if (this.#port !== port) return;
    if (error === undefined) this.#detached(undefined);
    else this.broken(error);
  }

  slow(): void {
    const { slowConsumer: policy } = this.#options;
    this.#owner.fire('slow', { peer: this.handle, policy, ...this.peer.pending });
    if (policy === 'drop-newest' || policy === 'drop-oldest') this.peer.dropWaiting(new BusError('ERR_SLOW_CONSUMER'));
    if (policy === 'disconnect') this.destroy('slow consumer');
  }

  refusal(): BusError | undefined {
    return this.#lifecycle.is('idle', 'closing')
      ? new BusError('ERR_CLOSED', 'The client is not connected')
      : undefined;
  }

  #opened(port: LinkPort, hello: ServerHello): void {
    if (port.closed) throw new BusError('ERR_CONNECT', 'The link closed before it was used');
    const { id, compress, messagepack, busbar: offer } = hello;
    const resumed = offer?.outcome === 'resumed' ? this.peer.session : undefined;
    if (resumed?.out.canReplay(offer?.received ?? 0) === false) {
      this.#sessionLost(new BusError('ERR_SESSION_LOST', 'The server resumed another session'));
      throw new BusError('ERR_PROTOCOL', 'The server resumed another session');
    }
    const outcome = resumed ? 'resumed' : offer?.outcome === 'lost' || this.peer.session ? 'lost' : 'fresh';
    const session = resumed ?? sessionOfClient(hello, port, this.#options, this.#platform, this.peer);
    this.#port = port;
    if (resumed === undefined) {
      this.#unbind(new BusError('ERR_SESSION_LOST'));
      if (this.#port !== port) return;
      this.#token = offer?.token;
    }
    this.id = id;
    this.#moving = false;
    if (compress && offer !== undefined) compressLink(port, this.#platform);
    session.attach(port, offer?.received ?? 0);
    const unsent = resumed === undefined ? this.peer.bind(session, this.#resend.splice(0)) : [];
    // From here on each step may run code of the user's that ends this client.
    if (this.#port === port) this.#lifecycle.move('ready');
    this.#undelivered(unsent);
    if (this.#port !== port) return;
    if (resumed === undefined) {
      this.#owner.plugins.connected(this.handle, undefined);
      if (this.#port === port) this.#owner.fire('ready', { id, compress, messagepack });
    } else {
      this.peer.room();
      this.#owner.plugins.linkChanged(this.handle, true);
    }
    if (this.#port === port) this.#owner.fire('session', { outcome, id });
    port.read(new SessionReader(port, session, this));
  }

  /** The link is gone; the session may still resume on another one. */
  #detached(error: BusError | undefined): void {
    this.#port?.forget();
    this.#port = undefined;
    const { session } = this.peer;
    this.peer.detach();
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
    this.#port?.forget();
    this.#port = undefined;
    this.#token = undefined;
    this.#unbind(error);
    if (this.#lifecycle.is('ready')) this.#comeBack();
  }

  #comeBack(): void {
    this.#lifecycle.move('disconnected');
    if (this.#moving) this.#lifecycle.move('reconnecting');
    const run = new AbortController();
    this.#run = run;
    this.#dialer.dial(run.signal, Number.POSITIVE_INFINITY, !this.#moving).catch((error: unknown) => {
      if (this.#run !== run || this.#lifecycle.is('idle')) return;
      const failure = asBusError(error, 'ERR_CONNECT');
      this.#owner.fire('error', failure);
      this.#over(failure, failure instanceof RefusedError ? failure.reason : failure, true);
    });
  }

  /** Ends everything for good; `tell` emits `close`. */
  #over(error: BusError, reason: unknown, tell: boolean): void {
    this.#run.abort(error);
    this.#port?.forget();
    this.#port = undefined;
    this.#token = undefined;
    this.#moving = false;
    const hadSession = this.peer.session !== undefined;
    this.#lifecycle.move('idle');
    this.#undelivered([...this.#resend.splice(0), ...this.peer.unbind(error)]);
    this.peer.fail(error);
    this.id = undefined;
    if (hadSession) this.#owner.plugins.disconnected(this.handle, reason);
    this.#owner.closed();
    if (tell) this.#owner.fire('close', reason);
  }

  /** Messages of a lost session: they are sent again in the next one, or reported. */
  #unbind(error: BusError): void {
    const had = this.peer.session !== undefined;
    const left = this.peer.unbind(error);
    if (this.#options.onLost === 'resend') this.#resend.push(...left);
    else this.#undelivered(left);
    if (had) this.#owner.plugins.disconnected(this.handle, error);
  }

  #undelivered(left: readonly Entry[]): void {
    const messages = left.map(({ data }) => ({ data }));
    if (messages.length > 0) this.#owner.fire('undelivered', messages);
  }
}
