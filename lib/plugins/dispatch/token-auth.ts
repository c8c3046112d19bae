import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { BusError } from '../../base/errors.ts';
import { isLoopback } from '../../base/ip.ts';
import type { Random } from '../../base/random.ts';
import { asksByOwnName } from '../../transport/origins.ts';

/** The token where none was set, which is only possible outside of production, and on loopback. */
const developmentSecret = 'testing';

/** Knows the secret that drivers show, and keeps it to itself. */
export class TokenAuth {
  readonly #key: Uint8Array;
  readonly #digest: Buffer;
  /** Whether everybody may know the secret. */
  readonly isKnown: boolean;

  constructor(secret: string, random: Random, isKnown = false) {
    this.isKnown = isKnown;
    this.#key = random.bytes(32);
    this.#digest = this.#digestOf(secret);
  }

  /**
   * For the secret that was given, or that of the environment, or the known one.
   * @throws BusError `ERR_INVALID_OPTION` without one in production.
   */
  static of(given: string | undefined, environment: NodeJS.ProcessEnv, random: Random): TokenAuth {
    const secret = given ?? environment['PLACE_SERVER_SECRET'] ?? environment['SERVER_SECRET'];
    if (secret !== undefined && secret.trim() !== '') return new TokenAuth(secret.trim(), random);
    if (environment['SG_ENV'] === 'production') {
      throw new BusError(
        'ERR_INVALID_OPTION',
        'dispatch has no default secret in production: set PLACE_SERVER_SECRET or the option "secret"',
      );
    }
    return new TokenAuth(developmentSecret, random, true);
  }

  /** @throws BusError `ERR_INVALID_OPTION` for the known secret where others than this machine can come in. */
  checkHost(host: string | undefined): void {
    if (!this.isKnown || host === 'localhost' || isLoopback(host ?? '')) return;
    throw new BusError(
      'ERR_INVALID_OPTION',
      `dispatch has no default secret on ${host}: set PLACE_SERVER_SECRET or the option "secret"`,
    );
  }

  /**
   * Whether the request shows the secret: in an `Authorization` header, with or without `Bearer`, or else as
   * `bearer_token` in the query.
   */
  admits(request: IncomingMessage, query: URLSearchParams): boolean {
    // A page of any site knows it too, and may have its own name lead here.
    if (this.isKnown && !asksByOwnName(request)) return false;
    const header = request.headers.authorization;
    const token = header === undefined ? query.get('bearer_token') : header.replace(/^Bearer /i, '');
    return this.knows(token);
  }

  /** Whether `token` is the secret. Takes as long for a nearly right one as for any other. */
  knows(token: unknown): boolean {
    return typeof token === 'string' && timingSafeEqual(this.#digestOf(token.trim()), this.#digest);
  }

  #digestOf(token: string): Buffer {
    return createHmac('sha256', this.#key).update(token).digest();
  }
}
