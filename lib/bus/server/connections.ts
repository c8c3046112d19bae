import type { Socket } from 'node:net';
import { BusError } from '../../base/errors.ts';
import { hostOf } from '../../base/ip.ts';
import { checkSettings } from '../../base/options.ts';
import { token } from '../../base/random.ts';
import type { LinkPort } from '../../session/link-port.ts';
import type { Link } from '../../transport/link.ts';
import type { EncodedMessage } from '../../wire/dialect.ts';
import type { ClientHello, ClientOffer, ServerHello } from '../../wire/handshake/hello.ts';
import { acceptHello } from '../../wire/handshake/refusal.ts';
import { BroadcastRecords } from '../../wire/native/broadcast-records.ts';
import { protocolVersion } from '../../wire/native/header.ts';
import { type AudienceSettings, audienceNames } from '../call-settings.ts';
import { compressLink, nativeDialectOf, netIpcDialect, newSession } from '../dialects.ts';
import type { ServerJournal } from '../durable.ts';
import type { PeerEvents, SessionInfo } from '../events.ts';
import type { ResolvedServerOptions } from '../options.ts';
import { type Granted, serverHello } from '../own-hello.ts';
import type { ServerPlatform } from '../platform.ts';
import type { PeerHandle } from '../plugin.ts';
import type { Plugins } from '../plugins.ts';
import type { ConnectionOwner, ServerHandle } from './connection-events.ts';
import { Connection } from './connection.ts';
import { Groups } from './groups.ts';
import { GuestList } from './guest-list.ts';
import { PendingLinks } from './pending-links.ts';
import type { ServerConversation } from './server-conversation.ts';

/** The server that they are of, which learns of them. */
export interface ConnectionsOwner {
  readonly handle: ServerHandle;
  readonly plugins: Plugins;
  readonly events: PeerEvents<Connection>;
  connected(connection: Connection, payload: unknown): void;
  /** As `ConnectionOwner.ask`. */
  ask(connection: Connection, question: unknown): Promise<unknown>;
  /** As `ConnectionOwner.journal`. */
  journal(): ServerJournal | undefined;
  /** A link that never became a connection did something wrong. */
  handshakeFailed(error: BusError): void;
  /** As `PendingLinksOwner.refused`. */
  refused(link: Link, error: BusError): void;
}

/** The clients of a server: how links become connections, find back to theirs, and go. */
export class Connections {
  readonly #options: ResolvedServerOptions;
  readonly #platform: ServerPlatform;
  readonly #owner: ConnectionsOwner;
  readonly #ofConnections: ConnectionOwner<Connection>;
  readonly groups = new Groups<Connection>();
  readonly #byId = new Map<string, Connection>();
  readonly #guests: GuestList<Connection>;
  /** Those whose end the listeners are hearing of: still the server's to see, and nobody's to send to. */
  readonly #leaving = new Map<string, Connection>();
  readonly #pending: PendingLinks;
  readonly #records = new BroadcastRecords();
  readonly #linkWatchers = new Map<Connection, Set<() => void>>();

  constructor(options: ResolvedServerOptions, platform: ServerPlatform, owner: ConnectionsOwner) {
    this.#options = options;
    this.#platform = platform;
    this.#guests = new GuestList(options, {
      forgotten: ({ conversation }) =>
        conversation.over(undefined, new BusError('ERR_SESSION_LOST', 'Too many sessions without a link')),
      crowdedOut: ({ conversation }) => conversation.destroy('The server is full'),
    });
    this.#owner = owner;
    this.#pending = new PendingLinks(options, {
      door: (hello) => platform.door?.(hello),
      proves: (hello) => this.#claimed(hello) !== undefined,
      identify: platform.identify,
      admit: (...given) => this.#admit(...given),
      http: (link, head, known) => this.#http(link, head, known),
      failed: (error) => owner.handshakeFailed(error),
      refused: (link, error) => owner.refused(link, error),
    });
    platform.admitter?.((...given) => this.#admit(...given));
    const { events } = owner;
    this.#ofConnections = {
      handle: owner.handle,
      groups: this.groups,
      journal: () => owner.journal(),
      identify: platform.identify,
      ask: (connection, question) => owner.ask(connection, question),
      processes: platform.processes?.(options.clock),
      contracts: platform.contracts?.(options),
      events: {
        ...events,
        linkChanged: (connection, up) => {
          if (up) this.#guests.attached(connection);
          else this.#guests.detached(connection);
          for (const changed of this.#linkWatchers.get(connection) ?? []) changed();
          events.linkChanged(connection, up);
        },
        sessionOver: (connection, reason) => {
          this.#byId.delete(connection.id);
          this.#guests.remove(connection);
          this.groups.remove(connection);
          this.#linkWatchers.delete(connection);
          this.#leaving.set(connection.id, connection);
          events.sessionOver(connection, reason);
          this.#leaving.delete(connection.id);
        },
      },
    };
  }

  get all(): Iterable<Connection> {
    return this.#byId.values();
  }

  /** Those as well that listeners of `disconnect` learn of. */
  get listed(): Connection[] {
    return [...this.#byId.values(), ...this.#leaving.values()];
  }

  byId(id: string): Connection | undefined {
    return this.#byId.get(id) ?? this.#leaving.get(id);
  }

  /** @throws BusError `ERR_CLOSED` for a peer that is not a connection of this server's any more. */
  conversationWith(handle: PeerHandle): ServerConversation<Connection> {
    if (handle instanceof Connection) return handle.conversation;
    throw new BusError('ERR_INVALID_ARGUMENT', 'Not a connection of this server');
  }

  /** Calls back when the link of `connection` breaks or is back. */
  watchLink(connection: Connection, changed: () => void): () => void {
    const watchers = this.#linkWatchers.get(connection) ?? new Set();
    this.#linkWatchers.set(connection, watchers);
    watchers.add(changed);
    return () => {
      watchers.delete(changed);
      if (watchers.size === 0) this.#linkWatchers.delete(connection);
    };
  }

  /** A new link of a stranger's. */
  accept(link: Link): void {
    this.#pending.accept(link);
  }

  /** As `PendingLinks.expect`. */
  expect(link: Link, withinMs: number): Promise<Connection> {
    return this.#pending.expect(link, withinMs);
  }

  /** Refuses the links that are not authorized yet; for when the server closes. */
  refuseAll(): void {
    this.#pending.refuse();
  }

  /** Those who are meant. @throws BusError `ERR_INVALID_ARGUMENT`. */
  select(settings: AudienceSettings<Connection>): Iterable<Connection> {
    return this.groups.select(this.all, settings, (connection) => {
      if (!(connection instanceof Connection) || connection.server !== this.#owner.handle) {
        const text = '`to` and `except` must be group names or connections of this server';
        throw new BusError('ERR_INVALID_ARGUMENT', text);
      }
      return this.#byId.get(connection.id) === connection;
    });
  }

  /** As `Server.broadcast`. */
  async broadcast(data: unknown, settings: AudienceSettings<Connection> = {}): Promise<void> {
    checkSettings('broadcast takes', audienceNames, settings);
    const message: EncodedMessage = { data };
    let waits: Promise<void>[] | undefined;
    for (const connection of this.select(settings)) {
      try {
        const accepted = connection.conversation.sendEncoded('', message);
        if (accepted === undefined) continue;
        accepted.catch((error: unknown) => this.#owner.events.errorOf(connection, error));
        waits ??= [];
        waits.push(connection.conversation.whenRoom());
      } catch (error) {
        this.#owner.events.errorOf(connection, error);
      }
    }
    if (waits !== undefined) await Promise.all(waits);
  }

  /** Ends them all, or has them move on; takes no longer than `withinMs`. */
  async close(reason: string, allowReconnect: boolean, withinMs: number): Promise<void> {
    await Promise.all(
      [...this.all].map(({ conversation }) =>
        allowReconnect ? conversation.goAway(reason, withinMs) : conversation.close(reason, false, withinMs),
      ),
    );
  }

  #http(link: Link, head: Uint8Array, known: () => void): Socket | undefined {
    const hook = this.#owner.plugins.http();
    const socket = hook === undefined ? undefined : link.release();
    if (socket !== undefined) hook?.(socket, head, known);
    return socket;
  }

  #admit(port: LinkPort, hello: ClientHello, rest: Uint8Array): Connection {
    const offer = this.#options.native ? hello.busbar : undefined;
    if (offer !== undefined && !offer.versions.includes(protocolVersion)) {
      const theirs = offer.versions.join(', ');
      throw new BusError('ERR_INCOMPATIBLE', `The client speaks version ${theirs}, this server ${protocolVersion}`);
    }
    const claimed = this.#claimed(hello);
    const connection =
      claimed !== undefined && offer?.resume !== undefined
        ? this.#resume(port, hello, offer, claimed, offer.resume)
        : this.#begin(port, hello, offer);
    if (rest.length > 0) port.data(rest);
    return connection;
  }

  /** The connection whose session `hello` wants back and has the token of. */
  #claimed(hello: ClientHello): Connection | undefined {
    const resume = hello.busbar?.resume;
    if (resume === undefined || hello.id === null) return undefined;
    const connection = this.#byId.get(hello.id);
    return connection?.proves(resume.token) === true ? connection : undefined;
  }

  #resume(
    port: LinkPort,
    hello: ClientHello,
    offer: ClientOffer,
    connection: Connection,
    { received }: { readonly received: number },
  ): Connection {
    const acknowledged = connection.conversation.session?.ackedByPeer ?? 0;
    if (received < acknowledged) {
      // The client has acknowledged more on a later link, so this hello was overtaken by that link's.
      throw new BusError('ERR_CLOSED', 'The session already has a newer link');
    }
    connection.conversation.overtaken();
    const { session } = connection.conversation;
    if (!session?.canReplay(received)) {
      connection.conversation.over('session lost', new BusError('ERR_SESSION_LOST'));
      return this.#begin(port, hello, offer);
    }
    const compress = this.#compresses(hello);
    const granted = { id: connection.id, compress, outcome: 'resumed', received: session.received } as const;
    port.write(acceptHello(this.#answer(port.link, hello, offer, granted)));
    if (compress) compressLink(port, this.#platform);
    connection.conversation.resumeOn(port, received, offer.process);
    connection.announce('resumed');
    return connection;
  }

  #begin(port: LinkPort, hello: ClientHello, offer: ClientOffer | undefined): Connection {
    const { max, messagepack } = this.#options;
    const host = hostOf(port.link.remote);
    if (!this.#guests.hasRoom(host)) throw new BusError('ERR_SERVER_FULL', `The server has ${max} connections already`);
    const id = this.#newId();
    const secret = offer === undefined ? undefined : token(this.#options.random);
    const connection = new Connection(id, secret, this.#options, this.#ofConnections);
    const { contracts, operations } = connection.conversation;
    const compress = this.#compresses(hello);
    const outcome: SessionInfo['outcome'] = offer?.resume === undefined ? 'fresh' : 'lost';
    if (offer === undefined) {
      const agreed = { compress, messagepack: messagepack && hello.messagepack };
      const dialect = netIpcDialect(agreed, port, this.#options, this.#platform, contracts);
      port.write(acceptHello({ id, ...agreed }));
      connection.conversation.begin(port, newSession(dialect, connection.conversation, this.#options), undefined);
    } else {
      const answer = this.#answer(port.link, hello, offer, { id, compress, outcome, received: 0, token: secret });
      const { features = [] } = answer.busbar ?? {};
      const dialect = nativeDialectOf({ ...offer, features }, this.#options, contracts, operations, this.#records);
      port.write(acceptHello(answer));
      if (compress) compressLink(port, this.#platform);
      connection.conversation.begin(port, newSession(dialect, connection.conversation, this.#options), offer.process);
    }
    this.#byId.set(id, connection);
    this.#guests.add(connection, host);
    this.#owner.connected(connection, hello.extras);
    connection.announce(outcome);
    return connection;
  }

  #answer(link: Link, hello: ClientHello, offer: ClientOffer, granted: Granted): ServerHello {
    return serverHello(this.#options, hello, offer, link, granted, this.#ofConnections);
  }

  #compresses(hello: ClientHello): boolean {
    return hello.compress && this.#options.compress && this.#platform.compression !== undefined;
  }

  #newId(): string {
    const { generateID, random } = this.#options;
    for (let attempt = 0; generateID !== undefined && attempt < 3; attempt++) {
      const id = generateID();
      if (typeof id !== 'string' || id === '' || id.length > 128) {
        throw new BusError('ERR_INVALID_OPTION', 'generateID must return a string of 1 to 128 characters');
      }
      if (!this.#byId.has(id)) return id;
    }
    return token(random);
  }
}
