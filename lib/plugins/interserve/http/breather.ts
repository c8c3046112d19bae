import { setImmediate } from 'node:timers/promises';

/**
 * What may be worked off in one turn of the event loop, so that the bus has its turns in between: one read of a socket.
 * It also lets chunks that were worked off be collected before many more come.
 */
const turnBytes = 64 * 1024;

/** Ends the turn now and then while a body is read that comes faster than it can be worked off. */
export class Breather {
  #bytes = 0;

  /** A promise asks to wait before the next chunk. */
  after(bytes: number): Promise<void> | undefined {
    this.#bytes += bytes;
    if (this.#bytes < turnBytes) return undefined;
    this.#bytes = 0;
    return setImmediate();
  }
}
