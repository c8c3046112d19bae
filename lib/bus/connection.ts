import type { Socket } from 'node:net';
import type { Link } from '../transport/link.ts';
import { type AskSettings, askOptions } from './ask-options.ts';
import type { Contract, Typed } from './contract.ts';
import { BusEmitter } from '../base/emitter.ts';
import type { SessionInfo, SlowInfo, UndeliveredMessage } from './events.ts';
import type { Handling } from '../base/handling.ts';
import { Inbox } from './inbox.ts';
import type { IncomingRequest } from './incoming.ts';
import type { ResolvedServerOptions } from './options.ts';
import type { Peer } from './peer.ts';
import type { Processes } from './platform.ts';
import type { PeerHandle } from './plugin.ts';
import { sendOptions, type SendSettings } from './send-settings.ts';
import { ServerConversation } from './server-conversation.ts';
import type { ServerConversationEvents } from './server-conversation-events.ts';
import type { ServerHandle } from './server-handle.ts';

export interface ConnectionEvents {
  /** The client has a link (`true`), or has it no more (`false`): by turns, from its first link to its last. */
  link(up: boolean): void;
  /** Each time a link was opened: what became of the session. */
  session(info: SessionInfo): void;
  /**
   * Messages the client never acknowledged, in order, when its session was lost: the objects given to `send`, as they
   * are now, and copies of what was broadcast.
   */
  undelivered(messages: UndeliveredMessage[]): void;
  /** The client takes nothing although something waits for it. */
  slow(info: SlowInfo): void;
}

/** What a connection tells the server it belongs to. */
export interface ConnectionOwner {
  readonly handle: ServerHandle;
  readonly processes: Processes | undefined;
  message(connection: Connection, lane: string, data: unknown, handling: Handling | undefined): void;
  request(connection: Connection, request: IncomingRequest, data: unknown): void;
  error(connection: Connection, error: unknown): void;
  linkChanged(connection: Connection, up: boolean): void;
  linkSeen(connection: Connection, up: boolean): void;
  slow(connection: Connection, info: SlowInfo): void;
  /** The last word: the session is over. */
  over(connection: Connection, reason: unknown): void;
}

/** A client as its server holds it: the same object for as long as the client's session can resume. */
export class Connection<C extends Contract = Contract> extends BusEmitter<ConnectionEvents> implements PeerHandle {
  static readonly #conversing: ServerConversationEvents<Connection> = {
    message: (connection, lane, data, bytes, handling) => {
      connection.#owner.message(connection, lane, data, handling);
      if (lane === '') connection.#inbox?.push(data, bytes, handling);
    },
    request: (connection, request, data) => connection.#owner.request(connection, request, data),
    error: (connection, error) => connection.#owner.error(connection, error),
    linkChanged: (connection, up) => connection.#owner.linkChanged(connection, up),
    linkSeen: (connection, up) => {
      connection.fire('link', up);
      connection.#owner.linkSeen(connection, up);
    },
    slow: (connection, info) => {
      connection.fire('slow', info);
      connection.#owner.slow(connection, info);
    },
    undelivered: (connection, messages) => void connection.fire('undelivered', messages),
    over: (connection, reason) => {
      connection.#inbox?.end();
      connection.#owner.over(connection, reason);
    },
  };
  /** The public id; no proof of anything, and no secret. */
  readonly id: string;
  readonly #owner: ConnectionOwner;
  readonly #conversation: ServerConversation<Connection>;
  readonly #peer: Peer;
  /** Made for the first `messages()`. */
  #inbox: Inbox | undefined;
  readonly #token: string | undefined;

  /** Made by a `Server` only. */
  constructor(id: string, token: string | undefined, options: ResolvedServerOptions, owner: ConnectionOwner) {
    super();
    this.id = id;
    this.#token = token;
    this.#owner = owner;
    this.#conversation = new ServerConversation(options, Connection.#conversing, this, owner.processes);
    this.#peer = this.#conversation.peer;
  }

  /** The server this connection belongs to. */
  get server(): ServerHandle {
    return this.#owner.handle;
  }

  /** The platform's socket, while a link is open. */
  get connection(): Socket | undefined {
    return this.#conversation.link?.socket;
  }

  /** `session` with a busbar client, `legacy` with one that speaks net-ipc. */
  get delivery(): 'legacy' | 'session' {
    return this.#token === undefined ? 'legacy' : 'session';
  }

  /** The client's IP address for tcp and tls, the server's path or name else; while a link is open. */
  get remoteAddress(): string | undefined {
    return this.#conversation.link?.remote;
  }

  /** What the link runs over, or ran over last. */
  get linkKind(): Link['kind'] | undefined {
    return this.#conversation.lastLink?.kind;
  }

  /** True while a link is open; false while the session waits for its client to come back. */
  get attached(): boolean {
    return this.#conversation.link !== undefined;
  }

  /** Answers that came too late and were discarded. */
  get lateResponses(): number {
    return this.#peer.questions.late;
  }

  /** As `Client.send`, towards this client. */
  send(data: Typed<C, 'toClient', 'message'>, settings?: SendSettings): Promise<void> {
    try {
      const options = sendOptions(settings);
      return options === undefined ? this.#peer.send('', data) : this.#peer.sendUntil(data, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** As `Client.request`, towards this client. */
  request(
    data: Typed<C, 'toClient', 'request'>,
    settings?: number | AskSettings,
  ): Promise<Typed<C, 'toClient', 'response'>>;
  request(data: Typed<C, 'toClient', 'request'>, timeoutMs?: number): Promise<Typed<C, 'toClient', 'response'>>;
  request(
    data: Typed<C, 'toClient', 'request'>,
    settings?: number | AskSettings,
  ): Promise<Typed<C, 'toClient', 'response'>> {
    try {
      return this.#peer.request('', data, askOptions(settings, 10_000)) as Promise<Typed<C, 'toClient', 'response'>>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Resolves the whole milliseconds that an echo of `data` took. */
  async ping(data?: unknown, settings?: number | AskSettings): Promise<number> {
    return this.#peer.ping(data, askOptions(settings, 10_000));
  }

  /** As `Client.flush`. */
  flush(): Promise<void> {
    return this.#peer.flush();
  }

  /** Stops this client's messages and requests from arriving; they wait at the client. */
  pause(): void {
    this.#peer.hold('user');
  }

  /** Takes up what `pause` held back, in order. */
  resume(): void {
    this.#peer.release('user');
  }

  /** This client's messages as they come, until its session is over. */
  messages(): AsyncIterableIterator<Typed<C, 'toServer', 'message'>> {
    const peer = this.#peer;
    this.#inbox ??= new Inbox({
      hold: () => peer.hold('inbox'),
      release: () => peer.release('inbox'),
      reading: () => this.#conversation.reading(),
    });
    const messages = this.#inbox.messages();
    if (this.#conversation.isOver) this.#inbox.end();
    return messages as AsyncIterableIterator<Typed<C, 'toServer', 'message'>>;
  }

  /**
   * Finishes what this end owes, then closes; false when it was closed already. With `allowReconnect` the client comes
   * back by itself. Settles within `closeTimeoutMs`. A reason that cannot be encoded does not travel.
   */
  close(reason?: unknown, allowReconnect = false): Promise<boolean> {
    return this.#conversation.close(reason, allowReconnect);
  }

  /** Rejects everything pending with `ERR_DESTROYED` and closes at once. The client comes back by itself. */
  destroy(reason?: unknown): boolean {
    return this.#conversation.destroy(reason);
  }

  /** @internal */
  get conversation(): ServerConversation<Connection> {
    return this.#conversation;
  }

  /** @internal */
  get peer(): Peer {
    return this.#peer;
  }

  /** @internal Whether `token` is this session's; takes the same time wherever they differ. */
  proves(token: string): boolean {
    const own = this.#token;
    if (own === undefined || own.length !== token.length) return false;
    let difference = 0;
    for (let i = 0; i < own.length; i++) difference |= own.charCodeAt(i) ^ token.charCodeAt(i);
    return difference === 0;
  }

  /** @internal */
  announce(outcome: SessionInfo['outcome']): void {
    this.#conversation.tellLink();
    if (!this.#conversation.isOver) this.fire('session', { outcome, id: this.id });
  }

  protected override listenerFailed(_event: string | symbol, error: unknown): void {
    this.#owner.error(this, error);
  }
}
