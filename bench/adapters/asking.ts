/** Requests by number, for peers that have messages only. */
export class Asking {
  readonly #open = new Map<number, (answer: unknown) => void>();
  #lastId = 0;

  ask(send: (id: number) => void): Promise<unknown> {
    return new Promise((resolve) => {
      this.#lastId += 1;
      this.#open.set(this.#lastId, resolve);
      send(this.#lastId);
    });
  }

  answered(id: number, answer: unknown): void {
    this.#open.get(id)?.(answer);
    this.#open.delete(id);
  }
}

/** What such peers exchange: a message has no number, an answer has a negative one. */
export interface Envelope {
  readonly i: number;
  readonly d: unknown;
}
