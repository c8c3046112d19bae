import type { Timer } from '../../base/clock.ts';
import { BusError } from '../../base/errors.ts';
import type { Handling } from '../../base/handling.ts';
import type { ProcessMark } from '../../base/process-table.ts';
import type { LinkPort } from '../../session/link-port.ts';
import type { Session } from '../../session/session.ts';
import { Lifecycle } from '../../session/state.ts';
import type { Link } from '../../transport/link.ts';
import type { OwnContracts } from '../../wire/contracts.ts';
import type { EndFrame } from '../../wire/frames.ts';
import { Conversation } from '../conversation.ts';
import type { PeerEvents } from '../events.ts';
import type { ResolvedServerOptions } from '../options.ts';
import type { Processes } from '../platform.ts';
import type { PeerHandle } from '../plugin.ts';
import { Welcome } from './welcome.ts';

/** A server's conversation with one client, over as many links as the client makes. */
export class ServerConversation<Handle extends PeerHandle = PeerHandle> extends Conversation<Handle> {
  declare protected readonly options: ResolvedServerOptions;
  #grace: Timer | undefined;
  /** The client said that it moves to another session: a lost link ends this one. */
  #movedOn = false;
  #gone: (() => void) | undefined;
  #welcome: Welcome | undefined;

  constructor(
    handle: Handle,
    options: ResolvedServerOptions,
    events: PeerEvents<Handle>,
    processes: Processes | undefined,
    contracts: OwnContracts | undefined,
  ) {
    super(handle, options, events, new Lifecycle(), processes, contracts);
  }

  get isOver(): boolean {
    return this.lifecycle.is('idle');
  }

  /** The open link, or the one that was open last. */
  get lastLink(): Link | undefined {
    return this.current.last;
  }

  /** As `CurrentLink.downAt`. */
  get downAt(): number | undefined {
    return this.current.downAt;
  }

  async close(
    reason: unknown,
    allowReconnect: boolean,
    withinMs: number = this.options.closeTimeoutMs,
  ): Promise<boolean> {
    if (!this.lifecycle.isOpen) return false;
    if (!this.lifecycle.is('ready')) {
      this.over(reason, new BusError('ERR_CLOSED'));
      return true;
    }
    await this.finishAndEnd(withinMs, reason, allowReconnect);
    return true;
  }

  /** Rejects everything pending with `ERR_DESTROYED` and closes at once. The client comes back by itself. */
  destroy(reason: unknown): boolean {
    if (this.lifecycle.is('idle')) return false;
    this.endNow(reason, true, new BusError('ERR_DESTROYED'));
    return true;
  }

  /** The first link of a new session. */
  begin(port: LinkPort, session: Session, process: ProcessMark | undefined): void {
    this.lifecycle.move('connected');
    this.#read(port, session, process);
    session.attach(port, 0);
    this.lifecycle.move('ready');
    this.bind(session);
  }

  /**
   * Delivers nothing of the client's before those that `call` notifies have returned and what they returned has
   * settled, or a loop reads its messages; as long as a handshake may take.
   */
  welcome(call: (handling: Handling) => void): void {
    const { session } = this;
    if (session === undefined) return;
    this.#welcome = new Welcome(session, this.options);
    this.#welcome.begin(call, (error) => this.events.errorOf(this.handle, error));
  }

  override messages(): AsyncIterableIterator<unknown> {
    const messages = super.messages();
    if (this.isOver) this.endMessages();
    return messages;
  }

  /** Reports a link that is up, once who learns of that knows of the session. */
  tellLink(): void {
    this.current.tell();
  }

  /** The client comes on another link, so that the present one, if there is any, is of no use. May end the session. */
  overtaken(): void {
    const before = this.current.leave();
    if (before === undefined) return;
    before.destroy();
    this.session?.detach();
    this.events.linkChanged(this.handle, false);
    this.current.tell();
  }

  /** Another link of the session, to whose count the client's fits. */
  resumeOn(port: LinkPort, received: number, process: ProcessMark | undefined): void {
    const { session } = this;
    if (session === undefined) return;
    this.#grace?.cancel();
    this.#grace = undefined;
    this.#read(port, session, process);
    if (!session.attach(port, received)) return;
    if (this.lifecycle.is('disconnected')) this.lifecycle.move('ready');
    session.room();
    this.events.linkChanged(this.handle, true);
  }

  /** Tells the client to finish and move on, and resolves when it has, or after `withinMs`. */
  async goAway(reason: unknown, withinMs: number): Promise<void> {
    const { session } = this;
    if (session === undefined || !session.reliable || !this.lifecycle.is('ready')) {
      await this.close(reason, true, withinMs);
      return;
    }
    const gone = new Promise<void>((resolve) => {
      this.#gone = resolve;
    });
    session.resume();
    session.say('goingAway');
    await this.withinTime(withinMs, gone);
    if (!this.lifecycle.is('idle')) this.endNow(reason, true, new BusError('ERR_CLOSED'));
  }

  /** Ends everything: pending calls are rejected with `error`, the server and its listeners learn of it. */
  over(reason: unknown, error: BusError): void {
    if (this.lifecycle.is('idle')) return;
    this.#grace?.cancel();
    this.#welcome?.cancel();
    this.current.leave();
    this.lifecycle.move('idle');
    const left = this.unbind(error);
    this.fail(error);
    this.current.tell();
    const messages = left.map(({ data }) => ({ data }));
    this.traffic.cameBack(messages.length);
    if (messages.length > 0) this.events.undelivered(this.handle, messages);
    this.#gone?.();
    this.events.sessionOver(this.handle, reason);
  }

  processDied(): void {
    const error = new BusError('ERR_SESSION_LOST', 'The process of the client ended');
    this.requests.fail(error);
    this.current.whenHeard(this.session, () => this.over('process died', error));
  }

  /** Clients do not go away in this sense; they end. */
  onGoingAway(): void {}

  /** The client said END: it closes, or it moves to the next server once this one owes it nothing. */
  onEnd({ reason, allowReconnect, code }: EndFrame): void {
    if (allowReconnect && this.session?.reliable === true) {
      this.#movedOn = true;
      this.finishSession(() => {
        if (this.#gone !== undefined) this.#gone();
        else this.endNow(reason, true, new BusError('ERR_CLOSED'));
      });
      return;
    }
    const { port } = this.current;
    const message = typeof reason === 'string' ? reason : 'The client closed the connection';
    this.over(reason, new BusError(code ?? 'ERR_CLOSED', message));
    port?.end();
  }

  protected refusal(): BusError {
    return new BusError('ERR_CLOSED', 'The connection is closed');
  }

  protected linkBroke(error: BusError): void {
    this.events.errorOf(this.handle, error);
  }

  protected sessionStuck(error: BusError): void {
    this.over(error.message, new BusError('ERR_SESSION_LOST', undefined, { cause: error }));
  }

  protected dropSlow(): void {
    const { port } = this.current;
    this.over('slow consumer', new BusError('ERR_SLOW_CONSUMER'));
    port?.destroy();
  }

  override reading(): void {
    this.#welcome?.reading();
  }

  /** The client went without a word. What it said before is heard first, however long its welcome takes. */
  #lost(text: string): void {
    const error = new BusError('ERR_SESSION_LOST', text);
    const over = (): void => {
      if (this.current.port === undefined) this.over(undefined, error);
    };
    if (this.#welcome?.putsOff(over) === true) this.requests.fail(error);
    else over();
  }

  #read(port: LinkPort, session: Session, process: ProcessMark | undefined): void {
    this.current.take(port, process);
    port.read(session);
  }

  protected detached(): void {
    this.current.leave();
    this.session?.detach();
    const { session } = this;
    const { clock, sessionGraceMs } = this.options;
    if (!this.lifecycle.is('ready') || session?.reliable !== true || sessionGraceMs === 0 || this.#movedOn) {
      if (this.lifecycle.is('ready')) this.lifecycle.move('disconnected');
      this.#lost('The link was lost');
      return;
    }
    this.lifecycle.move('disconnected');
    if (this.current.last?.final === true) {
      this.processDied();
      return;
    }
    this.events.linkChanged(this.handle, false);
    this.current.tell();
    if (!this.lifecycle.is('disconnected')) return;
    this.current.watch();
    this.#grace = clock.setTimer(() => this.#lost('The client did not reconnect'), sessionGraceMs, true);
  }
}
