import type { Clock, Timer } from '../base/clock.ts';

export interface LivenessLimits {
  /** 0: no heartbeat. */
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly slowConsumerMs: number;
}

/** Whose link it is: it is asked, and told. */
export interface LivenessEvents {
  /** What waits for the peer to take it. */
  readonly pendingBytes: number;
  /** False while this end itself keeps the link from being read. */
  readonly isListening: boolean;
  say(kind: 'heartbeat'): void;
  /** Nothing came for `silentMs`, though a heartbeat asked for an answer. */
  onSilence(silentMs: number): void;
  /** Nothing waits for the peer: memory kept for sending may go. */
  onIdle(): void;
  /** The peer took nothing for `slowConsumerMs`; said once until it takes something again. */
  onStall(): void;
}

/** Watches one link for silence and for a peer that takes nothing, with one timer and no work per message. */
export class Liveness {
  heardAt = 0;
  /** Nothing waits for the peer; `sending` is to be told about what does next. */
  isIdle = true;
  readonly #clock: Clock;
  readonly #limits: LivenessLimits;
  readonly #heartbeatIntervalMs: number;
  readonly #events: LivenessEvents;
  #timer: Timer | undefined;
  #heartbeatAt = -1;
  #progressAt = 0;
  #slow = false;
  /** Whether anything was sent since the last look; without it only the heartbeat needs another. */
  #active = true;
  #resting = false;

  constructor(clock: Clock, limits: LivenessLimits, events: LivenessEvents) {
    this.#clock = clock;
    this.#limits = limits;
    this.#heartbeatIntervalMs = limits.heartbeatIntervalMs || Number.POSITIVE_INFINITY;
    this.#events = events;
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

  /** Something came; returns when that is. */
  heard(): number {
    this.heardAt = this.#clock.now();
    this.#heartbeatAt = -1;
    return this.heardAt;
  }

  /** The peer took something. */
  progressed(): void {
    this.#progressAt = this.#clock.now();
    this.#slow = false;
    this.isIdle = this.#events.pendingBytes === 0;
  }

  /** Something is about to be sent while nothing waits; the time to take it starts. */
  sending(): void {
    if (!this.isIdle) return;
    this.isIdle = false;
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
    this.#resting = !this.#active && this.#events.pendingBytes === 0;
    this.#active = false;
    const due = this.#resting ? heartbeatDue - now : Math.min(heartbeatDue - now, slowConsumerMs / 4);
    if (due < Number.POSITIVE_INFINITY) this.#timer = this.#clock.setTimer(this.#check, Math.max(1, due), true);
  }

  readonly #check = (): void => {
    const now = this.#clock.now();
    if (!this.#events.isListening) this.heard();
    if (this.#heartbeatAt >= 0) {
      if (now - this.#heartbeatAt >= this.#limits.heartbeatTimeoutMs) {
        this.stop();
        this.#events.onSilence(now - this.heardAt);
        return;
      }
    } else if (now - this.heardAt >= this.#heartbeatIntervalMs) {
      this.#heartbeatAt = now;
      this.#events.say('heartbeat');
    }
    this.#arm();
    if (this.#events.pendingBytes === 0) {
      this.progressed();
      this.#events.onIdle();
    } else if (!this.#slow && now - this.#progressAt >= this.#limits.slowConsumerMs) {
      this.#slow = true;
      this.#events.onStall();
    }
  };
}
