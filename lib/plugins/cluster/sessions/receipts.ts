import type { Clock } from '../../../base/clock.ts';

/** A message that a node which is gone did not say it has. */
export interface UndeliveredToPeer {
  /** Whom it was for: the name of a node, or the id of a client. */
  readonly id: string;
  readonly data: unknown;
}

/** Messages to the clients of a node, until the node has said that it has them: asked once a turn, for all of them. */
export class Receipts {
  readonly #clock: Clock;
  /** Resolves when all that was sent before has arrived. */
  readonly #ask: () => Promise<unknown>;
  #sent: UndeliveredToPeer[] = [];
  /** How many of them the open question is about. */
  #asked = 0;

  constructor(clock: Clock, ask: () => Promise<unknown>) {
    this.#clock = clock;
    this.#ask = ask;
  }

  add(message: UndeliveredToPeer): void {
    this.#sent.push(message);
    if (this.#sent.length === 1) this.#askSoon();
  }

  /** The node is gone: those that it did not say it has. */
  take(): UndeliveredToPeer[] {
    const sent = this.#sent;
    this.#sent = [];
    this.#asked = 0;
    return sent;
  }

  #askSoon(): void {
    this.#clock.defer(() => {
      this.#asked = this.#sent.length;
      if (this.#asked === 0) return;
      this.#ask().then(
        () => {
          this.#sent = this.#sent.slice(this.#asked);
          if (this.#sent.length > 0) this.#askSoon();
        },
        // The end of the node takes what is left.
        () => {},
      );
    });
  }
}
