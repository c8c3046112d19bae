import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { PeerHandle } from '../../bus/plugin.ts';
import type { Endpoints } from './endpoints.ts';
import { Throttle } from './throttle.ts';

/** What is kept for a peer while its session lasts. */
export interface Account {
  readonly peer: PeerHandle;
  /** The secret that requests of this peer carry; given to it over the bus alone. */
  readonly key: string;
  /** Shared by all transfers of the peer, both ways. */
  readonly throttle: Throttle;
}

/** The peers that have a key. */
export class Accounts {
  readonly #endpoints: Endpoints;
  readonly #clock: Clock;
  readonly #rate: number;
  readonly #byPeer = new Map<PeerHandle, Account>();
  readonly #byKey = new Map<string, Account>();

  constructor(endpoints: Endpoints, clock: Clock, rate: number) {
    this.#endpoints = endpoints;
    this.#clock = clock;
    this.#rate = rate;
  }

  get size(): number {
    return this.#byPeer.size;
  }

  of(peer: PeerHandle): Account {
    const known = this.#byPeer.get(peer);
    if (known !== undefined) return known;
    const account = { peer, key: this.#endpoints.secret(), throttle: new Throttle(this.#clock, this.#rate) };
    this.#byPeer.set(peer, account);
    this.#byKey.set(this.#endpoints.digest(account.key), account);
    return account;
  }

  /** Whose key this is; the keyed hash is looked up, so that timing says nothing about keys, and the key is compared. */
  byKey(key: string): Account | undefined {
    const account = this.#byKey.get(this.#endpoints.digest(key));
    if (account === undefined) return undefined;
    const given = Buffer.from(key);
    const own = Buffer.from(account.key);
    return given.length === own.length && timingSafeEqual(given, own) ? account : undefined;
  }

  forget(peer: PeerHandle): void {
    const account = this.#byPeer.get(peer);
    if (account === undefined) return;
    this.#byPeer.delete(peer);
    this.#byKey.delete(this.#endpoints.digest(account.key));
  }
}
