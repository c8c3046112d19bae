import type { Clock, Timer } from '../base/clock.ts';

export interface WatchLimits {
  /** 0: no heartbeat. */
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly slowConsumerMs: number;
}

export interface WatchedLink {
  /** Whether something waits for the peer to take it. */
  pending(): boolean;
  /** False while this end itself keeps the link from being read. */
  listening(): boolean;
  heartbeat(): void;
  /** Nothing came for `silentMs`, though a heartbeat asked for an answer. */
  dead(silentMs: number): void;
  /** Nothing waits for the peer: memory kept for sending may go. */
  idle(): void;
  /** The peer took nothing for `slowConsumerMs`; said once until it takes something again. */
  slow(): void;
}

/** Watches one link for silence and for a peer that takes nothing, with one timer and no work per message. */
export class Watch {
  heardAt = 0;
  readonly #clock: Clock;
  readonly #limits: WatchLimits;
  readonly #heartbeatIntervalMs: number;
  readonly #link: WatchedLink;
  #timer: Timer | undefined;
  #heartbeatAt = -1;
  #progressAt = 0;
  #idle = true;
  #slow = false;
  /** Whether anything was sent since the last look; without it only the heartbeat needs another. */
  #active = true;
  #resting = false;

  constructor(clock: Clock, limits: WatchLimits, link: WatchedLink) {
    this.#clock = clock;
    this.#limits = limits;
    this.#heartbeatIntervalMs = limits.heartbeatIntervalMs || Number.POSITIVE_INFINITY;
    this.#link = link;
  }

  start(): void {
    this.heardAt = this.#clock.now();
    this.#heartbeatAt = -1;
    this.progressed();
    this.#active = true;
    this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#resting = false;
  }

  heard(): void {
    this.heardAt = this.#clock.now();
    this.#heartbeatAt = -1;
  }

  /** The peer took something. */
  progressed(): void {
    this.#progressAt = this.#clock.now();
    this.#slow = false;
    this.#idle = !this.#link.pending();
  }

  /** Something is about to be sent; the time to take it starts if nothing was waiting. */
  sending(): void {
    if (!this.#idle) return;
    this.#idle = false;
    this.#progressAt = this.#clock.now();
    this.#active = true;
    if (this.#resting) this.#arm();
  }

  #arm(): void {
    const { heartbeatTimeoutMs, slowConsumerMs } = this.#limits;
    const now = this.#clock.now();
    const heartbeatDue =
      this.#heartbeatAt < 0 ? this.heardAt + this.#heartbeatIntervalMs : this.#heartbeatAt + heartbeatTimeoutMs;
    this.stop();
    this.#resting = !this.#active && !this.#link.pending();
    this.#active = false;
    const due = this.#resting ? heartbeatDue - now : Math.min(heartbeatDue - now, slowConsumerMs / 4);
    if (due < Number.POSITIVE_INFINITY) this.#timer = this.#clock.setTimer(this.#check, Math.max(1, due), true);
  }

  readonly #check = (): void => {
    const now = this.#clock.now();
    if (!this.#link.listening()) this.heard();
    if (this.#heartbeatAt >= 0) {
      if (now - this.#heartbeatAt >= this.#limits.heartbeatTimeoutMs) {
        this.stop();
        this.#link.dead(now - this.heardAt);
        return;
      }
    } else if (now - this.heardAt >= this.#heartbeatIntervalMs) {
      this.#heartbeatAt = now;
      this.#link.heartbeat();
    }
    this.#arm();
    if (!this.#link.pending()) {
      this.progressed();
      this.#link.idle();
    } else if (!this.#slow && now - this.#progressAt >= this.#limits.slowConsumerMs) {
      this.#slow = true;
      this.#link.slow();
    }
  };
}
