import type { Clock, Timer } from '../../../base/clock.ts';
import type { Wire } from '../wire/wire.ts';
import type { Introductions } from './introductions.ts';
import type { OtherNodes } from './other-nodes.ts';

/** One who comes has joined when no others were news for so long. */
const quietMs = 40;

export interface SettlingOptions {
  readonly clock: Clock;
  /** It takes no longer than a beat. */
  readonly heartbeatMs: number;
  readonly nodes: OtherNodes;
  readonly introductions: Introductions;
  readonly events: { joined(): void };
  wire(): Wire;
}

/** Waits until those who are here have said so to one who comes: from when NATS has its first beat. */
export class Settling {
  readonly #options: SettlingOptions;
  #isOut = false;
  #timer: Timer | undefined;

  constructor(options: SettlingOptions) {
    this.#options = options;
  }

  begin(): void {
    const { clock, heartbeatMs, wire } = this.#options;
    wire().flush(() => (this.#isOut = true));
    this.#wait(clock.now() + heartbeatMs);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #wait(until: number): void {
    const { clock, events, introductions, nodes } = this.#options;
    const [wasOut, known] = [this.#isOut, nodes.size];
    const look = (): void => {
      const isQuiet = wasOut && nodes.size === known && !introductions.isAwaited;
      if (isQuiet || clock.now() >= until) events.joined();
      else this.#wait(until);
    };
    this.#timer = clock.setTimer(look, quietMs, true);
  }
}
