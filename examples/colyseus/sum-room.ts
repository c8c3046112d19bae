import { type Client, Room } from '@colyseus/core';

/** Adds up what its clients say, and tells all of them. */
export class SumRoom extends Room {
  #sum = 0;

  override onCreate(): void {
    this.onMessage('add', (_client: Client, number: number) => {
      this.#sum += number;
      this.broadcast('sum', [this.#sum, process.pid]);
    });
  }
}
