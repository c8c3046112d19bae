import { BusError } from '../../base/errors.ts';
import type { Link } from '../../transport/link.ts';
import type { Connection } from './connection.ts';
import { PendingLink, type PendingLinkOptions, type PendingLinkOwner } from './pending-link.ts';

export interface PendingLinksOptions extends PendingLinkOptions {
  readonly maxUnauthorized: number;
}

export interface PendingLinksOwner extends Pick<PendingLinkOwner, 'door' | 'proves' | 'http' | 'identify'> {
  /** As `PendingLinkOwner.admit`; returns whose link it is from now on. */
  admit(...args: Parameters<PendingLinkOwner['admit']>): Connection;
  /** A stranger's link never became a connection, for what it did wrong. */
  failed(error: BusError): void;
  /** Its peer was told that it is refused. */
  refused(link: Link, error: BusError): void;
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
    const { door, proves, identify, admit, http, failed, refused } = this.#owner;
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
      refused,
      left: (gone, error) => {
        this.#strangers.delete(gone);
        if (error !== undefined) failed(error);
      },
    });
    this.#strangers.add(pending);
  }

  /**
   * A new link that was made here for a client that is to come. Resolves its connection once it is admitted; rejects why it
   * is not, and where it is not there within `withinMs`.
   */
  expect(link: Link, withinMs: number): Promise<Connection> {
    const { proves, identify, admit, refused } = this.#owner;
    return new Promise((resolve, reject) => {
      const pending = new PendingLink(
        link,
        { ...this.#options, handshakeTimeoutMs: withinMs },
        {
          door: () => undefined,
          proves,
          identify,
          refused,
          admit: (port, hello, rest) => resolve(admit(port, hello, rest)),
          http: () => undefined,
          left: (gone, error) => {
            this.#expected.delete(gone);
            // One that is admitted leaves first.
            queueMicrotask(() => reject(error ?? new BusError('ERR_CONNECT', 'Its link closed or was refused')));
          },
        },
      );
      this.#expected.add(pending);
    });
  }

  /** Refuses them all; for when the server closes. */
  refuse(): void {
    const error = new BusError('ERR_CLOSED', 'Server was shut down');
    for (const pending of [...this.#strangers, ...this.#expected]) pending.refuse(error, true);
  }
}
