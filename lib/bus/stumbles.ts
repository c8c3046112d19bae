/** Bytes that a link garbled come right over another one; a frame that fails as often as this never does. */
const most = 3;

/** Counts how often the links of a session broke on one and the same frame, which could not be read. */
export class Stumbles {
  #at = -1;
  #count = 0;

  /** A link broke on the frame behind `received` frames; true when that is the same for the third time. */
  isTooMany(received: number): boolean {
    this.#count = received === this.#at ? this.#count + 1 : 1;
    this.#at = received;
    return this.#count >= most;
  }
}
