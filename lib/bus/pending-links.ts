import { BusError } from '../base/errors.ts';
import type { Link } from '../transport/link.ts';
import { PendingLink, type PendingLinkOptions, type PendingLinkOwner } from './pending-link.ts';
import type { Connection } from './connection.ts';

export interface PendingLinksOptions extends PendingLinkOptions {
  readonly maxUnauthorized: number;
}

export interface PendingLinksOwner extends Pick<PendingLinkOwner, 'door' | 'proves' | 'http' | 'identify'> {
  /** As `PendingLinkOwner.admit`; returns whose link it is from now on. */
  admit(...args: Parameters<PendingLinkOwner['admit']>): Connection;
  /** A stranger's link never became a connection, for what it did wrong. */
  failed(error: BusError): void;
}

/** Who waits for the client on a link that was made here. Either is called once. */
export interface Expecting {
  /** How long it may take to be authorized. */
  readonly withinMs: number;
  came(connection: Connection): void;
  /** It was refused, or went. */
  failed(error: BusError): void;
}

/** The links that are not authorized yet: those of strangers, which make room for each other, and those that are expected. */
export class PendingLinks {
  readonly #options: PendingLinksOptions;
  readonly #owner: PendingLinksOwner;
  /** The oldest first. */
  readonly #strangers = new Set<PendingLink>();
  readonly #expected = new Set<PendingLink>();

  constructor(options: PendingLinksOptions, owner: PendingLinksOwner) {
    this.#options = options;
    this.#owner = owner;
  }

  /** A new link: it gets little time and few bytes to say who it is. */
  accept(link: Link): void {
    const { maxUnauthorized } = this.#options;
    if (this.#strangers.size >= maxUnauthorized) {
      const [oldest] = this.#strangers;
      oldest?.refuse(
        new BusError('ERR_SERVER_FULL', `More than ${maxUnauthorized} links wait for authorization`),
        true,
      );
    }
    const { door, proves, identify, admit, http, failed } = this.#owner;
    const pending = new PendingLink(link, this.#options, {
      door,
      proves,
      identify,
      admit: (...given) => {
        const other = door(given[1]);
        if (other === undefined) admit(...given);
        else other.take(...given);
      },
      http,
      left: (gone, error) => {
        this.#strangers.delete(gone);
        if (error !== undefined) failed(error);
      },
    });
    this.#strangers.add(pending);
  }

  /** A new link that was made here for a client that is to come. */
  expect(link: Link, { withinMs, came, failed }: Expecting): void {
    const { proves, identify, admit } = this.#owner;
    let isSettled = false;
    const pending = new PendingLink(
      link,
      { ...this.#options, handshakeTimeoutMs: withinMs },
      {
        door: () => undefined,
        proves,
        identify,
        admit: (port, hello, rest) => {
          const connection = admit(port, hello, rest);
          isSettled = true;
          came(connection);
        },
        http: () => undefined,
        left: (gone, error) => {
          this.#expected.delete(gone);
          // One that is admitted leaves first.
          queueMicrotask(() => {
            if (isSettled) return;
            isSettled = true;
            failed(error ?? new BusError('ERR_CONNECT', 'its link closed or was refused'));
          });
        },
      },
    );
    this.#expected.add(pending);
  }

  /** Refuses them all; for when the server closes. */
  refuse(): void {
    const error = new BusError('ERR_CLOSED', 'Server was shut down');
    for (const pending of [...this.#strangers, ...this.#expected]) pending.refuse(error, true);
  }
}
