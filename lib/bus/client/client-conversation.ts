import { asBusError, BusError } from '../../base/errors.ts';
import { untilAborted, withinTime } from '../../base/wait.ts';
import type { LinkPort } from '../../session/link-port.ts';
import type { Session } from '../../session/session.ts';
import { RefusedError } from '../../session/open-link.ts';
import { type ClientStatus, Lifecycle, type State } from '../../session/state.ts';
import type { EndFrame } from '../../wire/frames.ts';
import type { ServerHello } from '../../wire/handshake/hello.ts';
import { abortWhen, type AskOptions } from '../call-settings.ts';
import { ClientDialer, Credentials } from './client-dialer.ts';
import { Conversation } from '../conversation.ts';
import { Leftovers } from './leftovers.ts';
import type { ResolvedClientOptions } from '../options.ts';
import type { ClientPeerEvents } from '../events.ts';
import type { ClientPlatform } from '../platform.ts';
import type { PeerHandle } from '../plugin.ts';
import type { Plugins } from '../plugins.ts';
import { compressLink, sessionOfClient } from '../dialects.ts';
import { clientHello } from '../own-hello.ts';

/** A client's conversation with its server, over as many links as it takes. */
export class ClientConversation extends Conversation {
  declare protected readonly options: ResolvedClientOptions;
  declare protected readonly events: ClientPeerEvents;
  id: string | undefined;
  readonly #platform: ClientPlatform;
  readonly #plugins: Plugins;
  readonly #dialer: ClientDialer;
  #credentials: Credentials | undefined;
  #token: string | undefined;
  readonly #leftovers: Leftovers;
  #run = new AbortController();
  /** Set by the end of a session that is to be followed by another one at once. */
  #moving = false;
  /** What plugins do before a new session begins, unless `connect()` waits for it. */
  #preparing: Promise<unknown> | undefined;

  constructor(
    handle: PeerHandle,
    options: ResolvedClientOptions,
    platform: ClientPlatform,
    plugins: Plugins,
    events: ClientPeerEvents,
  ) {
    const lifecycle = new Lifecycle((status) => events.tell('status', status));
    super(handle, options, events, lifecycle, platform.processes?.(options.clock), platform.contracts?.(options));
    this.#platform = platform;
    this.#plugins = plugins;
    this.#leftovers = new Leftovers(options.onLost, (messages) => {
      this.traffic.cameBack(messages.length);
      events.undelivered(handle, messages);
    });
    this.#dialer = new ClientDialer(options, platform, lifecycle, {
      preparing: (signal) => this.#credentials?.renew(signal),
      linked: (link) => {
        const own = { id: this.id, token: this.#token, session: this.session };
        return clientHello(
          options,
          this.#credentials?.payload,
          link,
          own,
          this.current.processes,
          this.contracts,
          this.operations,
        );
      },
      opened: (port, hello) => this.#opened(port, hello),
      failed: (error) => events.errorOf(handle, error),
      refused: (error) => this.traffic.refused(error.code),
      waiting: (retry) => events.tell('retry', retry),
    });
  }

  get status(): ClientStatus {
    return this.lifecycle.status;
  }

  is(...states: readonly State[]): boolean {
    return this.lifecycle.is(...states);
  }

  async connect(payload: unknown, ask: AskOptions): Promise<void> {
    if (!this.lifecycle.is('idle')) throw new BusError('ERR_STATE', 'The client is connected or connecting');
    if (ask.signal?.aborted === true) throw new BusError('ERR_ABORTED', undefined, { cause: ask.signal.reason });
    this.#credentials = new Credentials(payload, this.options.clock, this.options.handshakeTimeoutMs);
    const run = new AbortController();
    this.#run = run;
    this.lifecycle.move('connecting');
    const release = abortWhen(run, ask, this.options.clock);
    try {
      await this.#plugins.runStart(run.signal);
      await this.#dialer.dial(run.signal, 'first');
      const preparing = this.#preparing;
      this.#preparing = undefined;
      if (preparing !== undefined) await untilAborted(run.signal, preparing);
    } catch (error) {
      const failure = asBusError(error, 'ERR_CONNECT');
      if (this.session !== undefined) this.endNow(undefined, false, failure);
      else if (this.#run === run) this.#over(failure, undefined, false);
      throw failure;
    } finally {
      release();
    }
  }

  async close(reason: unknown): Promise<boolean> {
    if (!this.lifecycle.isOpen) return false;
    const { clock, closeTimeoutMs } = this.options;
    const endsAt = clock.now() + closeTimeoutMs;
    await withinTime(clock, closeTimeoutMs, this.#plugins.runClose());
    if (!this.lifecycle.isOpen) return true;
    const leftMs = Math.max(0, endsAt - clock.now());
    if (this.lifecycle.is('ready')) await this.finishAndEnd(leftMs, reason, false);
    else this.endNow(reason, false, new BusError('ERR_CLOSED'));
    return true;
  }

  destroy(reason: unknown): boolean {
    if (this.lifecycle.is('idle')) return false;
    this.endNow(reason, false, new BusError('ERR_DESTROYED'));
    return true;
  }

  /** The server said END: permanently, or to have its clients come back. */
  onEnd({ reason, allowReconnect, code }: EndFrame): void {
    const { port } = this.current;
    this.#ended(reason, allowReconnect, code);
    port?.end();
  }

  /** The server is about to close: finishes everything here, then moves to the next server, or ends if it may not. */
  onGoingAway(): void {
    if (this.#moving || !this.lifecycle.is('ready')) return;
    this.#moving = true;
    this.finishSession((session) => session.end('moved', true));
  }

  processDied(): void {
    this.#sessionLost(new BusError('ERR_SESSION_LOST', 'The process of the server ended'), this.#token);
  }

  over(reason: unknown, error: BusError): void {
    this.#over(error, reason, true);
  }

  protected refusal(): BusError {
    return new BusError('ERR_CLOSED', 'The client is not connected');
  }

  protected linkBroke(error: BusError): void {
    if (error.code !== 'ERR_TIMEOUT') this.events.errorOf(this.handle, error);
  }

  protected sessionStuck({ message }: BusError): void {
    this.#ended(message, true, undefined);
  }

  protected dropSlow(): void {
    this.destroy('slow consumer');
  }

  #ended(reason: unknown, allowReconnect: boolean, code: string | undefined): void {
    if (this.lifecycle.is('closing') || !(allowReconnect && this.options.reconnect)) {
      const message = typeof reason === 'string' ? reason : 'The server closed the connection';
      this.over(reason, new BusError(code ?? 'ERR_CLOSED', message));
    } else {
      this.#sessionLost(new BusError('ERR_SESSION_LOST', 'The server ended the session'));
    }
  }

  #opened(port: LinkPort, hello: ServerHello): void {
    if (port.closed) throw new BusError('ERR_CONNECT', 'The link closed');
    const { id, compress, messagepack, busbar: offer } = hello;
    const resumes = offer?.outcome === 'resumed';
    const resumed = resumes ? this.session : undefined;
    if (resumes && resumed?.canReplay(offer.received) !== true) {
      this.#sessionLost(new BusError('ERR_SESSION_LOST', 'The server resumed another session'));
      throw new BusError('ERR_PROTOCOL', 'The server resumed another session');
    }
    const isLost = offer?.outcome === 'lost' || this.#token !== undefined;
    const outcome = resumed ? 'resumed' : isLost ? 'lost' : 'fresh';
    const session = resumed ?? sessionOfClient(hello, port, this.options, this.#platform, this);
    this.current.take(port, offer?.process);
    if (resumed === undefined) {
      this.#unbind(new BusError('ERR_SESSION_LOST'));
      if (this.current.port !== port) return;
      this.#token = offer?.token;
    }
    this.id = id;
    this.#moving = false;
    if (compress && offer !== undefined) compressLink(port, this.#platform);
    session.attach(port, offer?.received ?? 0);
    const unsent = resumed === undefined ? this.bind(session, this.#leftovers.take()) : [];
    // From here on each step may run code of the user's that ends this client.
    if (this.current.port === port) this.lifecycle.move('ready');
    this.#leftovers.report(unsent);
    if (this.current.port !== port) return;
    if (resumed === undefined) {
      this.events.sessionBegun();
      this.#prepare(session);
      if (this.current.port === port) this.events.tell('ready', { id, compress, messagepack });
    } else {
      session.room();
      this.events.linkChanged(this.handle, true);
    }
    this.current.tell();
    this.traffic.opened(outcome);
    if (this.current.port === port) this.events.tell('session', { outcome, id });
    // Whoever waits for connect() or `ready` hears a new session from its first word.
    const read = (): unknown => this.current.port === port && port.read(session);
    if (resumed === undefined) this.options.clock.defer(read);
    else read();
  }

  /** Delivers nothing of a new session but answers until the plugins are ready for it; `connect()` reports of the first one. */
  #prepare(session: Session): void {
    const preparing = (this.#preparing = this.#plugins.runReady());
    if (preparing === undefined) return;
    session.shut();
    // A turn after connect() has resolved.
    const open = (): void => this.options.clock.defer(() => session.open());
    preparing.then(open, (error: unknown) => {
      if (this.#preparing === preparing && this.session === session) this.events.errorOf(this.handle, error);
      open();
    });
  }

  protected detached(error?: BusError): void {
    this.current.leave();
    this.session?.detach();
    if (this.lifecycle.is('idle')) return;
    if (this.lifecycle.is('closing') || !this.options.reconnect) {
      this.over(undefined, error ?? new BusError('ERR_CLOSED', 'The link was lost'));
      return;
    }
    if (!this.lifecycle.is('ready')) return;
    if (this.session?.reliable === false || this.#moving) {
      this.#token = undefined;
      this.#comeBack('again', new BusError('ERR_SESSION_LOST'));
    } else {
      this.events.linkChanged(this.handle, false);
      if (this.lifecycle.is('ready')) this.#comeBack('again');
    }
  }

  /** The session is over, and another one is to follow; `token` is its own if it is to count as lost then. */
  #sessionLost(error: BusError, token?: string): void {
    this.current.leave();
    this.#token = token;
    if (this.lifecycle.is('ready')) this.#comeBack('back', error);
    else this.#unbind(error);
  }

  /** Dials again; before that the session ends if it was `lost`. */
  #comeBack(errand: 'again' | 'back', lost?: BusError): void {
    this.lifecycle.move('disconnected');
    this.current.tell();
    if (lost !== undefined) this.#unbind(lost);
    if (!this.lifecycle.is('disconnected')) return;
    if (this.session !== undefined) this.current.watch();
    if (this.#moving) this.lifecycle.move('reconnecting');
    const run = new AbortController();
    this.#run = run;
    this.#dialer.dial(run.signal, this.#moving ? 'next' : errand).catch((error: unknown) => {
      if (this.#run !== run || this.lifecycle.is('idle')) return;
      const failure = asBusError(error, 'ERR_CONNECT');
      this.events.errorOf(this.handle, failure);
      this.over(failure instanceof RefusedError ? failure.reason : failure, failure);
    });
  }

  /** Ends everything permanently; `tell` emits `close`. */
  #over(error: BusError, reason: unknown, tell: boolean): void {
    this.#run.abort(error);
    this.current.leave();
    this.#token = undefined;
    this.#moving = false;
    const hadSession = this.session !== undefined;
    this.lifecycle.move('idle');
    const left = [...this.#leftovers.take(), ...this.unbind(error)];
    this.fail(error);
    this.id = undefined;
    this.current.tell();
    this.#leftovers.report(left);
    if (hadSession) this.events.sessionOver(this.handle, reason);
    if (tell) this.events.tell('close', reason);
  }

  #unbind(error: BusError): void {
    const had = this.session !== undefined;
    this.#leftovers.add(this.unbind(error));
    if (had) this.events.sessionOver(this.handle, error);
  }
}
