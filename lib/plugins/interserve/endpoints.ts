import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Random } from '../../base/random.ts';

/** Where requests of the plugin live. */
export const pathPrefix = '/interserve/';

const pathForm = /^\/interserve\/([0-9a-f]{32})\/([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{22})$/;

/** A path nobody can guess, and the name under which the ledger keeps what it leads to. */
export interface Endpoint {
  readonly path: string;
  readonly tag: string;
}

/**
 * Makes and reads endpoint paths. A path is the hash of the id, 128 random bits and a tag over both, all under a salt of
 * this start: a path that was never made here is told from one that is used up without remembering any of them, and
 * what is looked up is the tag, so that the time a look-up takes says nothing about the random bits.
 */
export class Endpoints {
  readonly #random: Random;
  readonly #salt: Uint8Array;

  constructor(random: Random) {
    this.#random = random;
    this.#salt = random.bytes(32);
  }

  /** 128 random bits as text, for endpoints and for the keys of peers. */
  secret(): string {
    return Buffer.from(this.#random.bytes(16)).toString('base64url');
  }

  mint(id: string): Endpoint {
    const token = this.secret();
    const hash = this.#hashId(id);
    const tag = this.#tag(hash, token);
    return { path: `${pathPrefix}${hash}/${token}.${tag}`, tag };
  }

  /** The tag of a path that was made here; undefined for any other text. */
  read(path: string): string | undefined {
    const match = pathForm.exec(path);
    if (match === null) return undefined;
    const [, hash = '', token = '', given = ''] = match;
    const tag = this.#tag(hash, token);
    return timingSafeEqual(Buffer.from(tag), Buffer.from(given)) ? tag : undefined;
  }

  /** What a secret is filed under. */
  digest(secret: string): string {
    return createHmac('sha256', this.#salt).update('key\0').update(secret).digest('base64url');
  }

  #hashId(id: string): string {
    return createHmac('sha256', this.#salt).update('id\0').update(id).digest('hex').slice(0, 32);
  }

  #tag(hash: string, token: string): string {
    return createHmac('sha256', this.#salt).update('tag\0').update(hash).update(token).digest('base64url').slice(0, 22);
  }
}
