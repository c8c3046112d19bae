import type { Clock } from '../base/clock.ts';
import { BusError } from '../base/errors.ts';
import { withinTime } from '../base/wait.ts';
import type { LinkPort } from '../session/link-port.ts';
import type { Waiting } from '../session/send-queue.ts';
import type { SessionEvents } from '../session/session-events.ts';
import type { Session } from '../session/session.ts';
import type { Lifecycle } from '../session/state.ts';
import type { Link } from '../transport/link.ts';
import type { OwnContracts } from '../wire/contracts.ts';
import type { EndFrame } from '../wire/frames.ts';
import type { ProcessMark } from '../base/process-table.ts';
import { Exchange } from './exchange.ts';
import type { ResolvedClientOptions, ResolvedServerOptions } from './options.ts';
import type { PeerEvents } from './events.ts';
import type { Processes } from './platform.ts';
import type { PeerHandle } from './plugin.ts';

/** Whose link it is. */
export interface CurrentLinkEvents {
  /** For the user's listeners: true and false alternate. */
  linkSeen(up: boolean): void;
  /** The process at the peer of the link that was lost has ended. */
  processDied(): void;
}

const unheardLookMs = 20;

/** The link that a conversation has at present, or had last. */
export class CurrentLink {
  readonly processes: Processes | undefined;
  readonly #clock: Clock;
  readonly #events: CurrentLinkEvents;
  port: LinkPort | undefined;
  /** The open link, or the one that was open last. */
  last: Link | undefined;
  /** Since when there is no link, if so, on the clock of the bus. */
  downAt: number | undefined;
  #process: ProcessMark | undefined;
  #seen = false;
  #unwatch: (() => void) | undefined;

  constructor(clock: Clock, processes: Processes | undefined, events: CurrentLinkEvents) {
    this.#clock = clock;
    this.processes = processes;
    this.#events = events;
  }

  /** Carries on with `port`, at whose other end `process` says it is. */
  take(port: LinkPort, process: ProcessMark | undefined): void {
    this.#leaveBe();
    this.port = port;
    this.last = port.link;
    this.#process = process;
    this.downAt = undefined;
  }

  /** Releases the link, if there is one, and returns it: nobody reads it any more, or looks for its other end. */
  leave(): LinkPort | undefined {
    this.#leaveBe();
    const port = this.port;
    if (port === undefined) return undefined;
    port.forget();
    this.port = undefined;
    this.downAt = this.#clock.now();
    return port;
  }

  /** Reports whether there is a link, unless it was reported already. */
  tell(): void {
    const up = this.port !== undefined;
    if (this.#seen === up) return;
    this.#seen = up;
    this.#events.linkSeen(up);
  }

  /** Until `take` or `leave`, it is told if the process at the peer turns out to have ended. */
  watch(): void {
    if (this.last?.kind !== 'unix' || this.#process === undefined) return;
    this.#unwatch = this.processes?.watch(this.#process, () => this.#events.processDied());
  }

  /** Until `take` or `leave`: calls `then` once all that came over the link that was lost has been delivered, at once if it has. */
  whenHeard(session: Session | undefined, then: () => void): void {
    if (session?.hasUnheard !== true) {
      then();
      return;
    }
    const timer = this.#clock.setTimer(() => this.whenHeard(session, then), unheardLookMs, true);
    this.#unwatch = () => timer.cancel();
  }

  #leaveBe(): void {
    this.#unwatch?.();
    this.#unwatch = undefined;
  }
}

const isMessage = ({ kind }: Waiting): boolean => kind === 'message';

/**
 * What both sides of the bus share of a conversation with a peer: its links, and how it ends. Those of a client and of a
 * server differ in how links come and how long they may be away.
 */
export abstract class Conversation<Handle extends PeerHandle = PeerHandle>
  extends Exchange<Handle>
  implements SessionEvents, CurrentLinkEvents
{
  protected readonly current: CurrentLink;

  constructor(
    handle: Handle,
    options: ResolvedClientOptions | ResolvedServerOptions,
    events: PeerEvents<Handle>,
    lifecycle: Lifecycle,
    processes: Processes | undefined,
    contracts: OwnContracts | undefined,
  ) {
    super(handle, options, events, lifecycle, contracts);
    this.current = new CurrentLink(options.clock, processes, this);
  }

  /** The open link. */
  get link(): Link | undefined {
    return this.current.port?.link;
  }

  /** Resolves with `work`, or without it when the peer is dropped as slow or after `ms`. */
  protected withinTime(ms: number, work: Promise<void>): Promise<void> {
    return withinTime(this.options.clock, ms, Promise.race([work, this.session?.whenSlow()]));
  }

  /** Takes nothing new, finishes what is owed within `ms`, then ends; unless somebody else ended it before. */
  protected async finishAndEnd(ms: number, reason: unknown, allowReconnect: boolean): Promise<void> {
    this.lifecycle.move('closing');
    this.session?.pauseToClose();
    await this.withinTime(ms, this.whenIdle());
    if (this.lifecycle.is('closing')) this.endNow(reason, allowReconnect, new BusError('ERR_CLOSED'));
  }

  /** Says END if there is a link, then ends the conversation and the link. */
  protected endNow(reason: unknown, allowReconnect: boolean, error: BusError): void {
    const { port } = this.current;
    if (port !== undefined) this.session?.end(reason, allowReconnect);
    this.over(reason, error);
    port?.end();
  }

  onSlow(): void {
    const { slowConsumer: policy } = this.options;
    const messages = this.queues.user.length + (this.session?.unacknowledged ?? 0);
    const bytes = this.session?.pendingBytes ?? 0;
    this.traffic.stalled();
    this.events.slow(this.handle, { peer: this.handle, policy, bytes, messages });
    if (policy === 'disconnect') this.dropSlow();
    else if (policy !== 'wait') this.queues.user.fail(new BusError('ERR_SLOW_CONSUMER'), isMessage);
  }

  onLinkLost(error: BusError | undefined): void {
    if (error === undefined) {
      this.detached();
      return;
    }
    this.linkBroke(error);
    const { port } = this.current;
    if (this.session?.isStuckOn(error) === true) {
      this.session?.end(error.message, true);
      this.sessionStuck(error);
      port?.end();
    } else if (port !== undefined) {
      port.destroy();
      this.detached(error);
    }
  }

  linkSeen(up: boolean): void {
    this.events.linkSeen(this.handle, up);
  }

  abstract onEnd(frame: EndFrame): void;
  abstract onGoingAway(): void;
  abstract processDied(): void;
  /** Ends everything: what is pending is rejected with `error`, the listeners learn of it. */
  abstract over(reason: unknown, error: BusError): void;
  /** Reports a link that broke for `error`. */
  protected abstract linkBroke(error: BusError): void;
  /** The link is gone; the session may still continue over another one. */
  protected abstract detached(error?: BusError): void;
  /** The peer's next frame cannot be read over any link; the peer was told that the session ends. */
  protected abstract sessionStuck(error: BusError): void;
  /** Ends with a peer that takes nothing, as the policy says. */
  protected abstract dropSlow(): void;
}
