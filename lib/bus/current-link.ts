import type { Clock } from '../base/clock.ts';
import type { LinkPort } from '../session/link-port.ts';
import type { Session } from '../session/session.ts';
import type { Link } from '../transport/link.ts';
import type { ProcessMark } from '../wire/hello.ts';
import type { Processes } from './platform.ts';

/** Whose link it is. */
export interface CurrentLinkEvents {
  /** For the user's listeners: by turns true and false. */
  linkSeen(up: boolean): void;
  /** The process at the other end of the link that was lost has ended. */
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

  /** Lets go of the link, if there is one, and returns it: nobody reads it any more, or looks for its other end. */
  leave(): LinkPort | undefined {
    this.#leaveBe();
    const port = this.port;
    if (port === undefined) return undefined;
    port.forget();
    this.port = undefined;
    this.downAt = this.#clock.now();
    return port;
  }

  /** Tells that there is a link, or none, if it was not told so already. */
  tell(): void {
    const up = this.port !== undefined;
    if (this.#seen === up) return;
    this.#seen = up;
    this.#events.linkSeen(up);
  }

  /** Until `take` or `leave`, it is told if the process at the other end turns out to have ended. */
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
