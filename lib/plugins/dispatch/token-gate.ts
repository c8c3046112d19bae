import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Random } from '../../base/random.ts';
import { asksByOwnName } from '../../transport/origins.ts';

/** Knows the secret that drivers show, and keeps it to itself. */
export class TokenGate {
  readonly #key: Uint8Array;
  readonly #digest: Buffer;
  readonly #known: boolean;

  /** `known`: everybody may know the secret. */
  constructor(secret: string, random: Random, known = false) {
    this.#known = known;
    this.#key = random.bytes(32);
    this.#digest = this.#digestOf(secret);
  }

  /**
   * Whether the request shows the secret: in an `Authorization` header, with or without `Bearer`, or else as
   * `bearer_token` in the query. Takes as long for a nearly right token as for any other.
   */
  admits(request: IncomingMessage, query: URLSearchParams): boolean {
    // A page of any site knows it too, and may have its own name lead here.
    if (this.#known && !asksByOwnName(request)) return false;
    const header = request.headers.authorization;
    const token = header === undefined ? query.get('bearer_token') : header.replace(/^Bearer /i, '');
    return token !== null && timingSafeEqual(this.#digestOf(token.trim()), this.#digest);
  }

  #digestOf(token: string): Buffer {
    return createHmac('sha256', this.#key).update(token).digest();
  }
}
