import type { Timer } from '../base/clock.ts';
import { BusError } from '../base/errors.ts';
import { type LinkHolder, type LinkPort, SessionReader } from '../session/link-port.ts';
import type { Session } from '../session/session.ts';
import { Lifecycle } from '../session/state.ts';
import type { Link } from '../transport/link.ts';
import type { EndFrame } from '../wire/frames.ts';
import type { ProcessMark } from '../wire/hello.ts';
import { CurrentLink, type CurrentLinkOwner } from './current-link.ts';
import type { Handling } from '../base/handling.ts';
import type { IncomingRequest } from './incoming.ts';
import type { ResolvedServerOptions } from './options.ts';
import { Peer } from './peer.ts';
import type { PeerOwner } from './peer-owner.ts';
import type { Processes } from './platform.ts';
import type { PeerHandle } from './plugin.ts';
import type { ServerConversationEvents } from './server-conversation-events.ts';
import { Welcome } from './welcome.ts';
import { withinTime } from '../base/wait.ts';

/** A server's conversation with one client, over as many links as the client makes. */
export class ServerConversation<Holder extends PeerHandle> implements PeerOwner, LinkHolder, CurrentLinkOwner {
  readonly peer: Peer;
  readonly #options: ResolvedServerOptions;
  readonly #events: ServerConversationEvents<Holder>;
  readonly #holder: Holder;
  readonly #lifecycle = new Lifecycle();
  readonly #current: CurrentLink;
  #grace: Timer | undefined;
  /** The client said that it moves to another session: a lost link ends this one. */
  #movedOn = false;
  #gone: (() => void) | undefined;
  #welcome: Welcome | undefined;

  constructor(
    options: ResolvedServerOptions,
    events: ServerConversationEvents<Holder>,
    holder: Holder,
    processes: Processes | undefined,
  ) {
    this.#options = options;
    this.#events = events;
    this.#holder = holder;
    this.#current = new CurrentLink(options.clock, processes, this);
    this.peer = new Peer(this, options);
  }

  get handle(): PeerHandle {
    return this.#holder;
  }

  get isOver(): boolean {
    return this.#lifecycle.is('idle');
  }

  /** The open link. */
  get link(): Link | undefined {
    return this.#current.port?.link;
  }

  /** The open link, or the one that was open last. */
  get lastLink(): Link | undefined {
    return this.#current.last;
  }

  /** As `CurrentLink.downAt`. */
  get downAt(): number | undefined {
    return this.#current.downAt;
  }

  async close(
    reason: unknown,
    allowReconnect: boolean,
    withinMs: number = this.#options.closeTimeoutMs,
  ): Promise<boolean> {
    if (this.#lifecycle.is('idle', 'closing')) return false;
    if (!this.#lifecycle.is('ready')) {
      this.over(reason, new BusError('ERR_CLOSED'));
      return true;
    }
    this.#lifecycle.move('closing');
    this.peer.session?.holdBack();
    await this.#within(withinMs, this.peer.whenIdle());
    if (this.#lifecycle.is('closing')) this.#end(reason, allowReconnect, new BusError('ERR_CLOSED'));
    return true;
  }

  /** Rejects everything pending with `ERR_DESTROYED` and closes at once. The client comes back by itself. */
  destroy(reason: unknown): boolean {
    if (this.#lifecycle.is('idle')) return false;
    this.#end(reason, true, new BusError('ERR_DESTROYED'));
    return true;
  }

  /** The first link of a new session. */
  begin(port: LinkPort, session: Session, process: ProcessMark | undefined): void {
    this.#lifecycle.move('connected');
    this.#read(port, session, process);
    session.attach(port, 0);
    this.#lifecycle.move('ready');
    this.peer.bind(session);
  }

  /**
   * Delivers nothing of the client's before those whom `call` tells of it have returned and what they returned has
   * settled, or a loop reads its messages; for as long as a handshake may take.
   */
  welcome(call: (handling: Handling) => void): void {
    const { session } = this.peer;
    if (session === undefined) return;
    this.#welcome = new Welcome(session, this.#options);
    this.#welcome.begin(call, (error) => this.#events.error(this.#holder, error));
  }

  /** A loop asks for a message of the client's. */
  reading(): void {
    this.#welcome?.reading();
  }

  /** Tells of a link that is up, once who hears of that knows of the session. */
  tellLink(): void {
    this.#current.tell();
  }

  /** The client comes on another link, so that the present one, if there is any, is of no use. May end the session. */
  overtaken(): void {
    const before = this.#current.leave();
    if (before === undefined) return;
    before.destroy();
    this.peer.detach();
    this.#events.linkChanged(this.#holder, false);
    this.#current.tell();
  }

  /** Another link of the session; false when the client's count does not fit. */
  resumeOn(port: LinkPort, received: number, process: ProcessMark | undefined): boolean {
    const { session } = this.peer;
    if (session === undefined) return false;
    this.#grace?.cancel();
    this.#grace = undefined;
    this.#read(port, session, process);
    if (!session.attach(port, received)) return false;
    if (this.#lifecycle.is('disconnected')) this.#lifecycle.move('ready');
    this.peer.room();
    this.#events.linkChanged(this.#holder, true);
    return true;
  }

  /** Tells the client to finish and move on, and resolves when it has, or after `withinMs`. */
  async goAway(reason: unknown, withinMs: number): Promise<void> {
    const { session } = this.peer;
    if (session === undefined || session.tier === 'legacy' || !this.#lifecycle.is('ready')) {
      await this.close(reason, true, withinMs);
      return;
    }
    const gone = new Promise<void>((resolve) => {
      this.#gone = resolve;
    });
    session.resume();
    session.goAway();
    await this.#within(withinMs, gone);
    if (!this.#lifecycle.is('idle')) this.#end(reason, true, new BusError('ERR_CLOSED'));
  }

  /** Ends everything: pending calls are rejected with `error`, the server and its listeners hear of it. */
  over(reason: unknown, error: BusError): void {
    if (this.#lifecycle.is('idle')) return;
    this.#grace?.cancel();
    this.#welcome?.cancel();
    this.#current.leave();
    this.#lifecycle.move('idle');
    const left = this.peer.unbind(error);
    this.peer.fail(error);
    this.#current.tell();
    const messages = left.map(({ data }) => ({ data }));
    if (messages.length > 0) this.#events.undelivered(this.#holder, messages);
    this.#gone?.();
    this.#events.over(this.#holder, reason);
  }

  message(lane: string, data: unknown, bytes: number, handling?: Handling): void {
    this.#events.message(this.#holder, lane, data, bytes, handling);
  }

  request(request: IncomingRequest, data: unknown): void {
    this.#events.request(this.#holder, request, data);
  }

  linkSeen(up: boolean): void {
    this.#events.linkSeen(this.#holder, up);
  }

  processDied(): void {
    const error = new BusError('ERR_SESSION_LOST', 'The process of the client ended');
    this.peer.questions.fail(error);
    this.#current.whenHeard(this.peer.session, () => this.over('process died', error));
  }

  /** Clients do not go away in this sense; they end. */
  goingAway(): void {}

  refusal(): BusError | undefined {
    return this.#lifecycle.is('idle', 'closing') ? new BusError('ERR_CLOSED', 'The connection is closed') : undefined;
  }

  /** The client said END: it closes, or it moves to the next server once this one owes it nothing. */
  ended({ reason, allowReconnect, code }: EndFrame): void {
    if (allowReconnect && this.peer.session?.tier === 'session') {
      this.#movedOn = true;
      const session = this.peer.session;
      void this.peer.finishSession().then(() => {
        if (this.peer.session !== session) return;
        if (this.#gone !== undefined) this.#gone();
        else this.#end(reason, true, new BusError('ERR_CLOSED'));
      });
      return;
    }
    const port = this.#current.port;
    this.over(
      reason,
      new BusError(code ?? 'ERR_CLOSED', typeof reason === 'string' ? reason : 'The client closed the connection'),
    );
    port?.end();
  }

  #within(ms: number, work: Promise<void>): Promise<void> {
    return withinTime(this.#options.clock, ms, this.peer.unlessSlow(work));
  }

  #end(reason: unknown, allowReconnect: boolean, error: BusError): void {
    const port = this.#current.port;
    this.peer.session?.out.end(reason, allowReconnect, undefined);
    this.over(reason, error);
    port?.end();
  }

  broken(error: BusError): void {
    this.#events.error(this.#holder, error);
    const port = this.#current.port;
    if (this.peer.isStuckOn(error)) {
      this.over(error.message, new BusError('ERR_SESSION_LOST', undefined, { cause: error }));
      port?.end();
    } else {
      port?.destroy();
      if (port !== undefined) this.#detached();
    }
  }

  linkLost(port: LinkPort, error: BusError | undefined): void {
    if (this.#current.port !== port) return;
    if (error === undefined) this.#detached();
    else this.broken(error);
  }

  slow(): void {
    const { slowConsumer: policy } = this.#options;
    const info = { peer: this.handle, policy, ...this.peer.pending };
    this.#events.slow(this.#holder, info);
    if (policy === 'drop-newest' || policy === 'drop-oldest') this.peer.dropWaiting(new BusError('ERR_SLOW_CONSUMER'));
    if (policy !== 'disconnect') return;
    const port = this.#current.port;
    this.over('slow consumer', new BusError('ERR_SLOW_CONSUMER'));
    port?.destroy();
  }

  /** The client went without a word. What it said before is heard first, however long its welcome takes. */
  #lost(text: string): void {
    const error = new BusError('ERR_SESSION_LOST', text);
    const over = (): void => {
      if (this.#current.port === undefined) this.over(undefined, error);
    };
    if (this.#welcome?.putsOff(over) === true) this.peer.questions.fail(error);
    else over();
  }

  #read(port: LinkPort, session: Session, process: ProcessMark | undefined): void {
    this.#current.take(port, process);
    port.read(new SessionReader(port, session, this));
  }

  #detached(): void {
    this.#current.leave();
    this.peer.detach();
    const { session } = this.peer;
    const { clock, sessionGraceMs } = this.#options;
    if (!this.#lifecycle.is('ready') || session?.tier !== 'session' || sessionGraceMs === 0 || this.#movedOn) {
      if (this.#lifecycle.is('ready')) this.#lifecycle.move('disconnected');
      this.#lost('The link was lost');
      return;
    }
    this.#lifecycle.move('disconnected');
    this.#events.linkChanged(this.#holder, false);
    this.#current.tell();
    if (!this.#lifecycle.is('disconnected')) return;
    this.#current.watch();
    this.#grace = clock.setTimer(() => this.#lost('The client did not come back'), sessionGraceMs, true);
  }
}
