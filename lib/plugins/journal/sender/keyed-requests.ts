import { BusError } from '../../../base/errors.ts';
import { digestOf, readRequestBody, requestIdOf } from '../format/request-body.ts';

/** More than that are written again where they are asked again, and the peer finds out. */
const mostKeys = 16_384;

interface Keyed {
  readonly digest: string;
  readonly sequence: number;
}

/** The requests with keys that wait in a journal: one that is asked again is not written again. */
export class KeyedRequests {
  /** By their ids, in the order of their sequences. */
  readonly #waiting = new Map<string, Keyed>();

  /** The sequence of the same request; undefined where none waits. @throws BusError `ERR_INVALID_ARGUMENT` for one with other data. */
  find(body: Uint8Array): number | undefined {
    const request = readRequestBody(body);
    if (request?.key === undefined) return undefined;
    const known = this.#waiting.get(requestIdOf(request.key, '', 0));
    if (known !== undefined && known.digest !== digestOf(request.data)) throw givenBefore(request.key);
    return known?.sequence;
  }

  /** A message of any kind was written. */
  add(body: Uint8Array, sequence: number): void {
    const request = readRequestBody(body);
    if (request?.key === undefined) return;
    const id = requestIdOf(request.key, '', 0);
    this.#waiting.delete(id);
    this.#waiting.set(id, { digest: digestOf(request.data), sequence });
    if (this.#waiting.size > mostKeys) for (const oldest of this.#waiting.keys()) return this.forget(oldest);
  }

  /** It is answered, or never will be. */
  forget(id: string): void {
    this.#waiting.delete(id);
  }

  /** The peer has all up to there. */
  take(sequence: number): void {
    for (const [id, keyed] of this.#waiting) {
      if (keyed.sequence > sequence) return;
      this.#waiting.delete(id);
    }
  }
}

export function givenBefore(key: string): BusError {
  return new BusError('ERR_INVALID_ARGUMENT', `The key ${key} was given with other data before`);
}
