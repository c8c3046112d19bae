import { BusError } from '../base/errors.ts';
import { withinTime } from '../base/wait.ts';
import type { Waiting } from '../session/send-queue.ts';
import type { SessionEvents } from '../session/session-events.ts';
import type { Lifecycle } from '../session/state.ts';
import type { Link } from '../transport/link.ts';
import type { EndFrame } from '../wire/frames.ts';
import { CurrentLink, type CurrentLinkEvents } from './current-link.ts';
import { Exchange } from './exchange.ts';
import type { ResolvedClientOptions, ResolvedServerOptions } from './options.ts';
import type { PeerEvents } from './peer-events.ts';
import type { Processes } from './platform.ts';
import type { PeerHandle } from './plugin.ts';

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
  ) {
    super(handle, options, events, lifecycle);
    this.current = new CurrentLink(options.clock, processes, this);
  }

  /** The open link. */
  get link(): Link | undefined {
    return this.current.port?.link;
  }

  /** Resolves with `work`, or without it once the peer is given up as slow or after `ms`. */
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
  /** Ends everything: what is pending is rejected with `error`, the listeners hear of it. */
  abstract over(reason: unknown, error: BusError): void;
  /** Tells of a link that broke for `error`. */
  protected abstract linkBroke(error: BusError): void;
  /** The link is gone; the session may still go on over another one. */
  protected abstract detached(error?: BusError): void;
  /** The peer's next frame cannot be read over any link; the peer was told that the session ends. */
  protected abstract sessionStuck(error: BusError): void;
  /** Ends with a peer that takes nothing, as the policy says. */
  protected abstract dropSlow(): void;
}
