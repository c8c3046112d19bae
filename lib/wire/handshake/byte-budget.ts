import { BusError } from '../../base/errors.ts';

/** How much more a peer may send before it is authorised. */
export class ByteBudget {
  readonly #total: number;
  #left: number;

  constructor(bytes: number) {
    this.#total = bytes;
    this.#left = bytes;
  }

  get left(): number {
    return this.#left;
  }

  /** Takes `count` bytes off. Throws `ERR_TOO_LARGE` when fewer are left. */
  spend(count: number): void {
    if (count > this.#left) {
      throw new BusError('ERR_TOO_LARGE', `More than ${this.#total} bytes came before the peer was authorised.`);
    }
    this.#left -= count;
  }
}
