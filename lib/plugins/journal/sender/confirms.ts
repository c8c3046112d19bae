import type { BusError } from '../../../base/errors.ts';
import { Queue } from '../../../base/queue.ts';

interface Confirm {
  readonly sequence: number;
  /** Why the peer never will have it. */
  refusal?: BusError;
  resolve(): void;
  reject(error: BusError): void;
}

/** Those who wait for one peer to have their messages, in order. */
export class Confirms {
  readonly #waiting = new Queue<Confirm>();

  /** Resolves when the peer has the message of this sequence. */
  wait(sequence: number): Promise<void> {
    return new Promise((resolve, reject) => this.#waiting.push({ sequence, resolve, reject }));
  }

  /** The peer has, or refused, all up to there. */
  handled(upTo: number): void {
    for (let { first } = this.#waiting; first !== undefined; { first } = this.#waiting) {
      if (first.sequence > upTo) break;
      this.#waiting.shift();
      if (first.refusal === undefined) first.resolve();
      else first.reject(first.refusal);
    }
  }

  refuse(sequence: number, error: BusError): void {
    for (const confirm of this.#waiting) if (confirm.sequence === sequence) confirm.refusal = error;
  }

  /** Nobody will hear what the peer has. */
  fail(error: BusError): void {
    for (const { reject } of this.#waiting.clear()) reject(error);
  }
}
