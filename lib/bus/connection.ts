import type { Socket } from 'node:net';
import type { Timer } from '../base/clock.ts';
import { BusError } from '../base/errors.ts';
import type { LinkPort } from '../session/link-port.ts';
import type { Session } from '../session/session.ts';
import { Lifecycle } from '../session/state.ts';
import type { Link } from '../transport/link.ts';
import type { EndFrame } from '../wire/frames.ts';
import { type AskSettings, askOptions } from './ask-options.ts';
import type { Contract, Typed } from './contract.ts';
import { BusEmitter } from './emitter.ts';
import type { SessionInfo, SlowInfo, UndeliveredMessage } from './events.ts';
import { Inbox } from './inbox.ts';
import type { IncomingRequest } from './incoming.ts';
import type { ResolvedServerOptions } from './options.ts';
import { Peer, type PeerOwner } from './peer.ts';
import type { PeerHandle } from './plugin.ts';
import { type SendSettings, sendSettings } from './send-settings.ts';
import type { ServerHandle } from './server-handle.ts';
import { withinTime } from './within-time.ts';

export interface ConnectionEvents {
  /** Each time a link was opened: what became of the session. */
  session(info: SessionInfo): void;
  /** Messages the client never acknowledged, in order, when its session was lost. */
  undelivered(messages: UndeliveredMessage[]): void;
  /** The client takes nothing although something waits for it. */
  slow(info: SlowInfo): void;
}

/** What a connection tells the server it belongs to. */
export interface ConnectionOwner {
  readonly handle: ServerHandle;
  message(connection: Connection, lane: string, data: unknown): void;
  request(connection: Connection, request: IncomingRequest, data: unknown): void;
  error(connection: Connection, error: unknown): void;
  linkChanged(connection: Connection, up: boolean): void;
  slow(connection: Connection, info: SlowInfo): void;
  /** The last word: the session is over. */
  over(connection: Connection, reason: unknown): void;
}

/** A client as its server holds it: the same object for as long as the client's session can resume. */
export class Connection<C extends Contract = Contract> extends BusEmitter<ConnectionEvents> implements PeerHandle {
  readonly id: string;
  readonly #owner: ConnectionOwner;
  readonly #options: ResolvedServerOptions;
  readonly #lifecycle = new Lifecycle(() => {});
  readonly #peer: Peer;
  readonly #inbox: Inbox;
  readonly #token: string | undefined;
  #port: LinkPort | undefined;
  #lastLink: Link | undefined;
  #grace: Timer | undefined;
  #movedOn = false;

  /** Made by a `Server` only. */
  constructor(id: string, token: string | undefined, options: ResolvedServerOptions, owner: ConnectionOwner) {
    super();
    this.id = id;
    this.#token = token;
    this.#options = options;
    this.#owner = owner;
    const { clock, slowConsumer: policy, exposeErrorDetails: exposeDetails } = options;
    this.#peer = new Peer(this.#asOwner(), { clock, policy, exposeDetails });
    this.#inbox = new Inbox({ hold: () => this.#peer.hold('inbox'), release: () => this.#peer.release('inbox') });
  }

  /** The server this connection belongs to. */
  get server(): ServerHandle {
    return this.#owner.handle;
  }

  /** The platform's socket, while a link is open. */
  get connection(): Socket | undefined {
    return this.#port?.link.socket;
  }

  get delivery(): 'legacy' | 'session' {
    return this.#token === undefined ? 'legacy' : 'session';
  }

  get remoteAddress(): string | undefined {
    return this.#port?.link.remote;
  }

  get linkKind(): Link['kind'] | undefined {
    return this.#lastLink?.kind;
  }

  /** True while a link is open; false while the session waits for its client to come back. */
  get attached(): boolean {
    return this.#port !== undefined;
  }

  /** Answers that came too late and were discarded. */
  get lateResponses(): number {
    return this.#peer.questions.late;
  }

  /** As `Client.send`, towards this client. */
  send(data: Typed<C, 'toClient', 'message'>, settings?: SendSettings): Promise<void> {
    return sendSettings(settings).confirm ? this.#peer.sendConfirmed(data) : this.#peer.send('', data);
  }

  /** As `Client.request`, towards this client. */
  request(
    data: Typed<C, 'toClient', 'request'>,
    settings?: number | AskSettings,
  ): Promise<Typed<C, 'toClient', 'response'>> {
    return this.#peer.request('', data, askOptions(settings, 10_000)) as Promise<Typed<C, 'toClient', 'response'>>;
  }

  /** Resolves the whole milliseconds that an echo of `data` took. */
  ping(data?: unknown, settings?: number | AskSettings): Promise<number> {
    return this.#peer.ping(data, askOptions(settings, 10_000));
  }

  /** As `Client.flush`. */
  flush(): Promise<void> {
    return this.#peer.flush();
  }

  /** Stops this client's messages and requests from arriving; they wait at the client. */
  pause(): void {
    this.#peer.hold('user');
  }

  resume(): void {
    this.#peer.release('user');
  }

  /** This client's messages as they come, until its session is over. */
  messages(): AsyncIterableIterator<Typed<C, 'toServer', 'message'>> {
    return this.#inbox.messages() as AsyncIterableIterator<Typed<C, 'toServer', 'message'>>;
  }

  /**
   * Finishes what this end owes, then closes; false when it was closed already. With `allowReconnect` the client comes
   * back by itself. Settles within `closeTimeoutMs`.
   */
  async close(reason?: unknown, allowReconnect = false): Promise<boolean> {
    if (this.#lifecycle.is('idle', 'closing')) return false;
    if (!this.#lifecycle.is('ready')) {
      this.over(reason, new BusError('ERR_CLOSED'));
      return true;
    }
    this.#lifecycle.move('closing');
    this.#peer.session?.holdBack();
    const { clock, closeTimeoutMs } = this.#options;
    await withinTime(clock, closeTimeoutMs, this.#peer.whenIdle().then(() => this.#peer.flush()));
    if (this.#lifecycle.is('closing')) this.#end(reason, allowReconnect, new BusError('ERR_CLOSED'));
    return true;
  }

  /** Rejects everything pending with `ERR_DESTROYED` and closes at once. The client comes back by itself. */
  destroy(reason?: unknown): boolean {
    if (this.#lifecycle.is('idle')) return false;
    this.#end(reason, true, new BusError('ERR_DESTROYED'));
    return true;
  }

  /** @internal Sends what was encoded for many, as `Peer.sendEncoded`. */
  get peer(): Peer {
    return this.#peer;
  }

  /** @internal Whether `token` is this session's; takes the same time wherever they differ. */
  proves(token: string): boolean {
    const own = this.#token;
    if (own === undefined || own.length !== token.length) return false;
    let difference = 0;
    for (let i = 0; i < own.length; i++) difference |= own.charCodeAt(i) ^ token.charCodeAt(i);
    return difference === 0;
  }

  /** @internal The first link of a new session. */
  begin(port: LinkPort, session: Session): void {
    this.#lifecycle.move('connected');
    this.#read(port, session);
    session.attach(port, 0);
    this.#lifecycle.move('ready');
    this.#peer.bind(session);
  }

  /** @internal Another link of the session; false when the client's count does not fit. */
  resumeOn(port: LinkPort, received: number): boolean {
    const { session } = this.#peer;
    if (session === undefined) return false;
    const before = this.#port;
    before?.read(undefined);
    this.#port = undefined;
    before?.destroy();
    session.detach();
    this.#grace?.cancel();
    this.#grace = undefined;
    this.#read(port, session);
    if (!session.attach(port, received)) return false;
    if (this.#lifecycle.is('disconnected')) this.#lifecycle.move('ready');
    this.#peer.room();
    this.#owner.linkChanged(this, true);
    return true;
  }

  /** @internal */
  announce(outcome: SessionInfo['outcome']): void {
    this.fire('session', { outcome, id: this.id });
  }

  /** @internal Tells the client to finish and move on, and resolves when it has, or after `closeTimeoutMs`. */
  async goAway(reason: unknown): Promise<void> {
    const { session } = this.#peer;
    if (session === undefined || session.tier === 'legacy' || !this.#lifecycle.is('ready')) {
      await this.close(reason, true);
      return;
    }
    const { clock, closeTimeoutMs } = this.#options;
    session.goAway();
    const gone = new Promise<void>((resolve) => {
      this.#gone = resolve;
    });
    await withinTime(clock, closeTimeoutMs, gone);
    if (!this.#lifecycle.is('idle')) this.#end(reason, true, new BusError('ERR_CLOSED'));
  }

  /** @internal Ends everything: pending calls are rejected with `error`, the server and its listeners hear of it. */
  over(reason: unknown, error: BusError): void {
    if (this.#lifecycle.is('idle')) return;
    this.#grace?.cancel();
    this.#port?.read(undefined);
    this.#port = undefined;
    this.#lifecycle.move('idle');
    const left = this.#peer.unbind(error);
    this.#peer.fail(error);
    this.#inbox.end();
    if (left.length > 0) {
      this.fire(
        'undelivered',
        left.map(({ data }) => ({ data })),
      );
    }
    this.#gone?.();
    this.#owner.over(this, reason);
  }

  protected override listenerFailed(_event: string, error: unknown): void {
    this.#owner.error(this, error);
  }

  #gone: (() => void) | undefined;

  #asOwner(): PeerOwner {
    return {
      handle: this,
      message: (lane, data) => {
        this.#owner.message(this, lane, data);
        if (lane === '') this.#inbox.push(data);
      },
      request: (request, data) => this.#owner.request(this, request, data),
      ended: (frame) => this.#ended(frame),
      goingAway() {},
      broken: (error) => this.#broken(error),
      slow: () => this.#slow(),
      refusal: () => {
        if (this.#lifecycle.is('idle', 'closing')) return new BusError('ERR_CLOSED', 'The connection is closed');
        return undefined;
      },
    };
  }

  /** The client said END: it closes, or it moves to the next server once this one owes it nothing. */
  #ended({ reason, allowReconnect, code }: EndFrame): void {
    if (allowReconnect && this.#peer.session?.tier === 'session') {
      this.#movedOn = true;
      const session = this.#peer.session;
      void this.#peer.finishSession().then(() => {
        if (this.#peer.session !== session) return;
        const port = this.#port;
        this.over(reason, new BusError('ERR_CLOSED'));
        port?.end();
      });
      return;
    }
    const port = this.#port;
    this.over(reason, new BusError(code ?? 'ERR_CLOSED', typeof reason === 'string' ? reason : 'The client closed the connection'));
    port?.end();
  }

  #end(reason: unknown, allowReconnect: boolean, error: BusError): void {
    const port = this.#port;
    this.#peer.session?.end(reason, allowReconnect, undefined);
    this.over(reason, error);
    port?.end();
  }

  #broken(error: BusError): void {
    this.#owner.error(this, error);
    const port = this.#port;
    port?.destroy();
    this.#linkLost(port);
  }

  #slow(): void {
    const { slowConsumer: policy } = this.#options;
    const { session, waiting } = this.#peer;
    const messages = waiting + (session?.pendingFrames ?? 0);
    const info = { peer: this, policy, bytes: session?.pendingBytes ?? 0, messages };
    this.fire('slow', info);
    this.#owner.slow(this, info);
    if (policy === 'drop-newest' || policy === 'drop-oldest') this.#peer.dropWaiting(new BusError('ERR_SLOW_CONSUMER'));
    if (policy !== 'disconnect') return;
    const port = this.#port;
    this.over('slow consumer', new BusError('ERR_SLOW_CONSUMER'));
    port?.destroy();
  }

  #read(port: LinkPort, session: Session): void {
    this.#port = port;
    this.#lastLink = port.link;
    port.read({
      data: (bytes) => session.receiveBytes(bytes),
      drain: () => session.linkDrained(),
      close: () => this.#linkLost(port),
      failed: (error) => this.#broken(error),
    });
  }

  #linkLost(port: LinkPort | undefined): void {
    if (this.#port !== port || port === undefined) return;
    port.read(undefined);
    this.#port = undefined;
    const { session } = this.#peer;
    session?.detach();
    const { clock, sessionGraceMs } = this.#options;
    if (!this.#lifecycle.is('ready') || session?.tier !== 'session' || sessionGraceMs === 0 || this.#movedOn) {
      this.over(undefined, new BusError('ERR_SESSION_LOST', 'The link was lost'));
      return;
    }
    this.#lifecycle.move('disconnected');
    this.#owner.linkChanged(this, false);
    this.#grace = clock.setTimer(
      () => this.over(undefined, new BusError('ERR_SESSION_LOST', 'The client did not come back')),
      sessionGraceMs,
      true,
    );
  }
}
