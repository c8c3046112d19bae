import type { Clock, Timer } from '../base/clock.ts';

export interface WatchLimits {
  /** 0: no heartbeat. */
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly slowConsumerMs: number;
}

/** What is asked of an owner, and told it; one table serves all owners of a class. */
export interface Watched<Owner> {
  /** Whether something waits for the peer to take it. */
  pending(owner: Owner): boolean;
  /** False while this end itself keeps the link from being read. */
  listening(owner: Owner): boolean;
  heartbeat(owner: Owner): void;
  /** Nothing came for `silentMs`, though a heartbeat asked for an answer. */
  dead(owner: Owner, silentMs: number): void;
  /** Nothing waits for the peer: memory kept for sending may go. */
  idle(owner: Owner): void;
  /** The peer took nothing for `slowConsumerMs`; said once until it takes something again. */
  slow(owner: Owner): void;
}

/** Watches one link for silence and for a peer that takes nothing, with one timer and no work per message. */
export class Watch<Owner> {
  heardAt = 0;
  readonly #clock: Clock;
  readonly #limits: WatchLimits;
  readonly #heartbeatIntervalMs: number;
  readonly #watched: Watched<Owner>;
  readonly #owner: Owner;
  #timer: Timer | undefined;
  #heartbeatAt = -1;
  #progressAt = 0;
  #idle = true;
  #slow = false;
  /** Whether anything was sent since the last look; without it only the heartbeat needs another. */
  #active = true;
  #resting = false;

  constructor(clock: Clock, limits: WatchLimits, watched: Watched<Owner>, owner: Owner) {
    this.#clock = clock;
    this.#limits = limits;
    this.#heartbeatIntervalMs = limits.heartbeatIntervalMs || Number.POSITIVE_INFINITY;
    this.#watched = watched;
    this.#owner = owner;
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
    this.#idle = !this.#watched.pending(this.#owner);
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
    this.#resting = !this.#active && !this.#watched.pending(this.#owner);
    this.#active = false;
    const due = this.#resting ? heartbeatDue - now : Math.min(heartbeatDue - now, slowConsumerMs / 4);
    if (due < Number.POSITIVE_INFINITY) this.#timer = this.#clock.setTimer(this.#check, Math.max(1, due), true);
  }

  readonly #check = (): void => {
    const now = this.#clock.now();
    if (!this.#watched.listening(this.#owner)) this.heard();
    if (this.#heartbeatAt >= 0) {
      if (now - this.#heartbeatAt >= this.#limits.heartbeatTimeoutMs) {
        this.stop();
        this.#watched.dead(this.#owner, now - this.heardAt);
        return;
      }
    } else if (now - this.heardAt >= this.#heartbeatIntervalMs) {
      this.#heartbeatAt = now;
      this.#watched.heartbeat(this.#owner);
    }
    this.#arm();
    if (!this.#watched.pending(this.#owner)) {
      this.progressed();
      this.#watched.idle(this.#owner);
    } else if (!this.#slow && now - this.#progressAt >= this.#limits.slowConsumerMs) {
      this.#slow = true;
      this.#watched.slow(this.#owner);
    }
  };
}
