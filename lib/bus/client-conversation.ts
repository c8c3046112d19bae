import { asBusError, BusError } from '../base/errors.ts';
import { type LinkHolder, type LinkPort, SessionReader } from '../session/link-port.ts';
import { RefusedError } from '../session/open-link.ts';
import { type ClientStatus, Lifecycle, type State } from '../session/state.ts';
import type { Link } from '../transport/link.ts';
import type { EndFrame } from '../wire/frames.ts';
import type { ServerHello } from '../wire/hello.ts';
import { abortWhen } from './abort-when.ts';
import type { AskOptions } from './ask-options.ts';
import { ClientDialer } from './client-dialer.ts';
import type { ConversationOwner } from './conversation-owner.ts';
import { Credentials } from './credentials.ts';
import { CurrentLink, type CurrentLinkOwner } from './current-link.ts';
import type { IncomingRequest } from './incoming.ts';
import { Leftovers } from './leftovers.ts';
import type { ResolvedClientOptions } from './options.ts';
import { Peer } from './peer.ts';
import type { PeerOwner } from './peer-owner.ts';
import type { ClientPlatform } from './platform.ts';
import type { PeerHandle } from './plugin.ts';
import { clientHello, compressLink, sessionOfClient } from './terms.ts';
import { withinTime } from '../base/wait.ts';

/** A client's conversation with its server, over as many links as it takes. */
export class ClientConversation implements PeerOwner, LinkHolder, CurrentLinkOwner {
  readonly peer: Peer;
  readonly message: PeerOwner['message'];
  id: string | undefined;
  readonly #options: ResolvedClientOptions;
  readonly #platform: ClientPlatform;
  readonly #owner: ConversationOwner;
  readonly #lifecycle: Lifecycle;
  readonly #dialer: ClientDialer;
  #credentials: Credentials | undefined;
  readonly #current: CurrentLink;
  #token: string | undefined;
  readonly #leftovers: Leftovers;
  #run = new AbortController();
  /** Set by the end of a session that is to be followed by another one at once. */
  #moving = false;

  constructor(options: ResolvedClientOptions, platform: ClientPlatform, owner: ConversationOwner) {
    this.#options = options;
    this.#platform = platform;
    this.#owner = owner;
    this.message = (lane, data, bytes, handling) => owner.message(lane, data, bytes, handling);
    this.#leftovers = new Leftovers(options.onLost, (messages) => owner.fire('undelivered', messages));
    this.#current = new CurrentLink(options.clock, platform.processes?.(options.clock), this);
    this.#lifecycle = new Lifecycle((status) => owner.fire('status', status));
    this.#dialer = new ClientDialer(options, platform, this.#lifecycle, {
      preparing: (signal) => this.#credentials?.renew(signal),
      linked: (link) => {
        const { id, peer } = this;
        const own = { id, token: this.#token, session: peer.session };
        return clientHello(options, this.#credentials?.payload, link, own, this.#current.processes);
      },
      opened: (port, hello) => this.#opened(port, hello),
      failed: (error) => owner.fire('error', error),
      waiting: (retry) => owner.fire('retry', retry),
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
    return this.#current.port?.link;
  }

  async connect(payload: unknown, ask: AskOptions): Promise<void> {
    if (!this.#lifecycle.is('idle')) throw new BusError('ERR_STATE', 'The client is connected, or about to be');
    if (ask.signal?.aborted === true) throw new BusError('ERR_ABORTED', undefined, { cause: ask.signal.reason });
    this.#credentials = new Credentials(payload, this.#options.clock, this.#options.handshakeTimeoutMs);
    const run = new AbortController();
    this.#run = run;
    this.#lifecycle.move('connecting');
    const release = abortWhen(run, ask, this.#options.clock);
    try {
      await this.#owner.plugins.runStart();
      await this.#dialer.dial(run.signal, 'first');
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
    if (this.#lifecycle.is('ready')) {
      this.#lifecycle.move('closing');
      this.peer.session?.holdBack();
      await withinTime(clock, closeTimeoutMs, this.peer.unlessSlow(this.peer.whenIdle()));
      if (!this.#lifecycle.is('closing')) return true;
    }
    this.#end(new BusError('ERR_CLOSED'), reason);
    return true;
  }

  destroy(reason: unknown): boolean {
    if (this.#lifecycle.is('idle')) return false;
    this.#end(new BusError('ERR_DESTROYED'), reason);
    return true;
  }

  request(request: IncomingRequest, data: unknown): void {
    this.#owner.request(request, data);
  }

  /** The server said END: for good, or to have its clients come back. */
  ended({ reason, allowReconnect, code }: EndFrame): void {
    const port = this.#current.port;
    if (this.#lifecycle.is('closing') || !(allowReconnect && this.#options.reconnect)) {
      const message = typeof reason === 'string' ? reason : 'The server closed the connection';
      this.#over(new BusError(code ?? 'ERR_CLOSED', message), reason, true);
    } else {
      this.#sessionLost(new BusError('ERR_SESSION_LOST', 'The server ended the session'));
    }
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
      this.#current.port?.destroy();
      this.#detached(error);
    }
  }

  linkLost(port: LinkPort, error: BusError | undefined): void {
    if (this.#current.port !== port) return;
    if (error === undefined) this.#detached(undefined);
    else this.broken(error);
  }

  slow(): void {
    const { slowConsumer: policy } = this.#options;
    this.#owner.fire('slow', { peer: this.handle, policy, ...this.peer.pending });
    if (policy === 'drop-newest' || policy === 'drop-oldest') this.peer.dropWaiting(new BusError('ERR_SLOW_CONSUMER'));
    if (policy === 'disconnect') this.destroy('slow consumer');
  }

  linkSeen(up: boolean): void {
    this.#owner.fire('link', up);
  }

  processDied(): void {
    this.#sessionLost(new BusError('ERR_SESSION_LOST', 'The process of the server ended'), this.#token);
  }

  refusal(): BusError | undefined {
    return this.#lifecycle.is('idle', 'closing')
      ? new BusError('ERR_CLOSED', 'The client is not connected')
      : undefined;
  }

  #opened(port: LinkPort, hello: ServerHello): void {
    if (port.closed) throw new BusError('ERR_CONNECT', 'The link closed before it was used');
    const { id, compress, messagepack, busbar: offer } = hello;
    const resumes = offer?.outcome === 'resumed';
    const resumed = resumes ? this.peer.session : undefined;
    if (resumes && resumed?.out.canReplay(offer.received) !== true) {
      this.#sessionLost(new BusError('ERR_SESSION_LOST', 'The server resumed another session'));
      throw new BusError('ERR_PROTOCOL', 'The server resumed another session');
    }
    const isLost = offer?.outcome === 'lost' || this.#token !== undefined;
    const outcome = resumed ? 'resumed' : isLost ? 'lost' : 'fresh';
    const session = resumed ?? sessionOfClient(hello, port, this.#options, this.#platform, this.peer);
    this.#current.take(port, offer?.process);
    if (resumed === undefined) {
      this.#unbind(new BusError('ERR_SESSION_LOST'));
      if (this.#current.port !== port) return;
      this.#token = offer?.token;
    }
    this.id = id;
    this.#moving = false;
    if (compress && offer !== undefined) compressLink(port, this.#platform);
    session.attach(port, offer?.received ?? 0);
    const unsent = resumed === undefined ? this.peer.bind(session, this.#leftovers.take()) : [];
    // From here on each step may run code of the user's that ends this client.
    if (this.#current.port === port) this.#lifecycle.move('ready');
    this.#leftovers.report(unsent);
    if (this.#current.port !== port) return;
    if (resumed === undefined) {
      this.#owner.plugins.connected(this.handle, undefined);
      if (this.#current.port === port) this.#owner.fire('ready', { id, compress, messagepack });
    } else {
      this.peer.room();
      this.#owner.plugins.linkChanged(this.handle, true);
    }
    this.#current.tell();
    if (this.#current.port === port) this.#owner.fire('session', { outcome, id });
    // Whoever waits for connect() or `ready` hears a new session from its first word.
    const read = (): unknown => this.#current.port === port && port.read(new SessionReader(port, session, this));
    if (resumed === undefined) this.#options.clock.defer(read);
    else read();
  }

  /** The link is gone; the session may still resume on another one. */
  #detached(error: BusError | undefined): void {
    this.#current.leave();
    this.peer.detach();
    if (this.#lifecycle.is('idle')) return;
    if (this.#lifecycle.is('closing') || !this.#options.reconnect) {
      this.#over(error ?? new BusError('ERR_CLOSED', 'The link was lost'), undefined, true);
      return;
    }
    if (!this.#lifecycle.is('ready')) return;
    if (this.peer.session?.tier === 'legacy' || this.#moving) this.#sessionLost(new BusError('ERR_SESSION_LOST'));
    else {
      this.#owner.plugins.linkChanged(this.handle, false);
      if (this.#lifecycle.is('ready')) this.#comeBack();
    }
  }

  /** The session is over, and another one is to follow; `token` is its own if it is to count as lost then. */
  #sessionLost(error: BusError, token?: string): void {
    this.#current.leave();
    this.#token = token;
    if (this.#lifecycle.is('ready')) this.#comeBack(error);
    else this.#unbind(error);
  }

  /** Dials again; before that the session ends if it was `lost`. */
  #comeBack(lost?: BusError): void {
    this.#lifecycle.move('disconnected');
    this.#current.tell();
    if (lost !== undefined) this.#unbind(lost);
    if (!this.#lifecycle.is('disconnected')) return;
    if (this.peer.session !== undefined) this.#current.watch();
    if (this.#moving) this.#lifecycle.move('reconnecting');
    const run = new AbortController();
    this.#run = run;
    this.#dialer.dial(run.signal, this.#moving ? 'next' : 'back').catch((error: unknown) => {
      if (this.#run !== run || this.#lifecycle.is('idle')) return;
      const failure = asBusError(error, 'ERR_CONNECT');
      this.#owner.fire('error', failure);
      this.#over(failure, failure instanceof RefusedError ? failure.reason : failure, true);
    });
  }

  #end(error: BusError, reason: unknown): void {
    const { port } = this.#current;
    if (port !== undefined) this.peer.session?.out.end(reason, false, undefined);
    this.#over(error, reason, true);
    port?.end();
  }

  /** Ends everything for good; `tell` emits `close`. */
  #over(error: BusError, reason: unknown, tell: boolean): void {
    this.#run.abort(error);
    this.#current.leave();
    this.#token = undefined;
    this.#moving = false;
    const hadSession = this.peer.session !== undefined;
    this.#lifecycle.move('idle');
    const left = [...this.#leftovers.take(), ...this.peer.unbind(error)];
    this.peer.fail(error);
    this.id = undefined;
    this.#current.tell();
    this.#leftovers.report(left);
    if (hadSession) this.#owner.plugins.disconnected(this.handle, reason);
    this.#owner.closed();
    if (tell) this.#owner.fire('close', reason);
  }

  #unbind(error: BusError): void {
    const had = this.peer.session !== undefined;
    this.#leftovers.add(this.peer.unbind(error));
    if (had) this.#owner.plugins.disconnected(this.handle, error);
  }
}
