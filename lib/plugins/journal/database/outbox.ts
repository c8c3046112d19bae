import type { Timer } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import { codeOf, textOf } from '../../../base/thrown.ts';
import { sleep } from '../../../base/wait.ts';
import {
  type DurableDeadLetters,
  type Lane,
  MessageCodec,
  type PeerHandle,
  type Plugin,
  type PluginHost,
  type SendSettings,
} from '../../../bus/plugin.ts';
import type { Refused } from '../format/lane-messages.ts';
import { Relay, type RelayOwner } from '../sender/relay.ts';
import type { Source } from '../sender/source.ts';
import type { OutboxDatabase } from './outbox-database.ts';
import { OutboxRows } from './outbox-rows.ts';
import { RefusedRows } from './refused-rows.ts';
import { RelayLease } from './relay-lease.ts';

/** How often rows of other processes are looked for, and what could not be done at once is tried again. */
const pollMs = 50;
const renewMs = 10_000;
const takeOverMs = 1_000;

/** The client that an outbox sends by, by shape. */
export interface OutboxClient<Data> {
  use<ServerApi, ClientApi>(plugin: Plugin<ServerApi, ClientApi>): ClientApi;
  send(data: Data, settings?: SendSettings): Promise<void>;
}

/** Messages that are sent if the transaction that they are written in is committed. */
export interface Outbox<Data = unknown> {
  /**
   * Writes the message into the database, in the transaction that is open on its handle, if one is.
   * @throws the database's error, `ERR_UNENCODABLE`, or `ERR_CLOSED`.
   */
  send(data: Data): void;
  /** Messages that the server will never take, such as those that are too large for it. They stay in the database. */
  readonly deadLetters: DurableDeadLetters;
  /** Sends nothing more, and has nothing more to do with the database. */
  close(): Promise<void>;
}

/**
 * An outbox in `database`, whose messages `client` sends; before `client.connect()`. Makes the tables `busbar_outbox` and
 * `busbar_outbox_relay` where they are missing.
 * @throws BusError `ERR_INVALID_ARGUMENT` for what is not a database or no client, `ERR_PLUGIN` for a client that has a journal
 * or an outbox; the database's error, also while a transaction is open on the handle.
 */
export function outbox<Data>(database: OutboxDatabase, client: OutboxClient<Data>): Outbox<Data> {
  if (typeof database?.exec !== 'function' || typeof database.prepare !== 'function') {
    throw new BusError('ERR_INVALID_ARGUMENT', 'outbox takes a database of node:sqlite or better-sqlite3');
  }
  if (typeof client?.use !== 'function' || typeof client.send !== 'function') {
    throw new BusError('ERR_INVALID_ARGUMENT', 'outbox takes a client');
  }
  const plugin: Plugin<never, DatabaseOutbox<Data>> = {
    name: 'journal',
    install: (host) => ({ api: new DatabaseOutbox(host, database, client) }),
  };
  try {
    return client.use(plugin);
  } catch (error) {
    if (codeOf(error) !== 'ERR_PLUGIN') throw error;
    throw new BusError('ERR_PLUGIN', 'A client has either a journal or one outbox', { cause: error });
  }
}

class DatabaseOutbox<Data> implements Outbox<Data>, RelayOwner {
  readonly #host: PluginHost;
  readonly #client: OutboxClient<Data>;
  readonly #codec = new MessageCodec();
  readonly #rows: OutboxRows;
  readonly #lease: RelayLease;
  readonly deadLetters: RefusedRows;
  readonly #relay: Relay;
  #peer: PeerHandle | undefined;
  #timer: Timer | undefined;
  #isSoon = false;
  #isHolder = false;
  /** When it is looked at again whether this is the one that sends. */
  #leaseAt = 0;
  /** The last error of the database, until something works again. */
  #complaint: string | undefined;
  #isClosed = false;

  constructor(host: PluginHost, database: OutboxDatabase, client: OutboxClient<Data>) {
    this.#host = host;
    this.#client = client;
    this.#rows = new OutboxRows(database);
    this.deadLetters = new RefusedRows(database, this.#rows);
    this.#lease = new RelayLease(database, this.#rows);
    const lane: Lane = host.lane({ message: (data) => this.#relay.acknowledged(data) });
    this.#relay = new Relay(host, lane, this);
    host.onReady(async () => this.#begin());
    host.onDisconnect(() => this.#end());
  }

  send(data: Data): void {
    if (this.#isClosed) throw new BusError('ERR_CLOSED', 'The outbox is closed');
    this.#rows.add(this.#codec.encode(data), Date.now());
    // Once the transaction that it is part of has had the time to end.
    if (this.#isHolder && !this.#isSoon) this.#lookIn(0);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#relay.leave();
    this.#end();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get upTo(): number {
    return Number.POSITIVE_INFINITY;
  }

  async open(): Promise<Source> {
    while (!this.#rows.look()) await sleep(this.#host.clock, pollMs, undefined, true);
    return this.#rows;
  }

  sendPlain(data: unknown, settings: SendSettings | undefined): Promise<void> {
    return this.#client.send(data as Data, settings);
  }

  begun(): void {}

  async settled(): Promise<void> {}

  handled(): void {}

  taken(): void {
    this.#attempt(() => this.#rows.settle());
  }

  async refuse({ sequence }: Refused, error: BusError): Promise<void> {
    while (!this.deadLetters.add(sequence, error)) await sleep(this.#host.clock, pollMs, undefined, true);
    this.#host.report(error);
  }

  #begin(): void {
    [this.#peer] = this.#host.peers;
    this.#leaseAt = 0;
    this.#look();
  }

  /** Another process with a session may send from now on. */
  #end(): void {
    this.#timer?.cancel();
    this.#timer = this.#peer = undefined;
    this.#relay.end();
    if (!this.#isHolder) return;
    this.#isHolder = false;
    this.#attempt(() => {
      this.#rows.settle();
      this.#lease.free();
    });
  }

  #lookIn(ms: number): void {
    this.#timer?.cancel();
    this.#isSoon = ms === 0;
    this.#timer = this.#host.clock.setTimer(() => this.#look(), ms, true);
  }

  #look(): void {
    const peer = this.#peer;
    if (peer === undefined || this.#isClosed) return;
    this.#attempt(() => this.#turn(peer));
    this.#lookIn(pollMs);
  }

  #turn(peer: PeerHandle): void {
    const now = this.#host.clock.now();
    if (now >= this.#leaseAt) {
      const found = this.#lease.hold();
      const isHolder = found ?? this.#isHolder;
      if (found !== undefined) this.#leaseAt = now + (isHolder ? renewMs : takeOverMs);
      if (isHolder !== this.#isHolder) {
        this.#isHolder = isHolder;
        if (isHolder) void this.#relay.begin(peer);
        else void this.#relay.leave();
      }
    }
    if (!this.#isHolder) return;
    this.#rows.settle();
    if (this.#rows.takeUnnamed()) {
      this.#relay.stop();
      void this.#relay.begin(peer);
    } else {
      this.#relay.wake();
    }
  }

  /** An error of the database is told once, and what failed is tried again. */
  #attempt(work: () => void): void {
    try {
      work();
      this.#complaint = undefined;
    } catch (error) {
      const text = textOf(error);
      if (text === this.#complaint) return;
      this.#complaint = text;
      const cause = error;
      this.#host.report(new BusError('ERR_JOURNAL', `The outbox cannot use its database: ${text}`, { cause }));
    }
  }
}
