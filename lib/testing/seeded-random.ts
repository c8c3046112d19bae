import type { Random } from '../base/random.ts';

/** Random numbers from one seed (sfc32): the same seed gives the same sequence on every machine. */
export class SeededRandom implements Random {
  #a = 0x9e37_79b9;
  #b = 0x243f_6a88;
  #c: number;
  #counter = 1;

  /** `seed` is reduced modulo 2^53. */
  constructor(seed: number) {
    this.#c = seed | 0;
    this.#b ^= Math.floor(seed / 0x1_0000_0000) | 0;
    for (let round = 0; round < 12; round++) this.#next();
  }

  readonly unit = (): number => this.#next() / 0x1_0000_0000;

  /** Not fit for secrets, although `Random` promises that: it is for tests. */
  readonly bytes = (count: number): Uint8Array => {
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count; at++) bytes[at] = this.#next() >>> 24;
    return bytes;
  };

  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.unit() * (most - least + 1));
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** One of `choices`, which must not be empty. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.between(0, choices.length - 1)] as T;
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
}
