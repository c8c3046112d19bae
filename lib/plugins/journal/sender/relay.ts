import { asBusError, BusError } from '../../../base/errors.ts';
import { codeOf, textOf } from '../../../base/thrown.ts';
import { sleep } from '../../../base/wait.ts';
import { type Lane, MessageCodec, type PeerHandle, type PluginHost, type SendSettings } from '../../../bus/plugin.ts';
import {
  type AskMessage,
  type GotMessage,
  heardQuestion,
  leaveQuestion,
  mostJournals,
  type Opened,
  readAcknowledged,
  readClosed,
  readOpened,
} from '../format/lane-messages.ts';
import { isOnlyOnce, readRequestBody, requestIdOf } from '../format/request-body.ts';
import { type Feed, type FeedOwner, JournalFeed } from './feed.ts';
import { PlainFeed } from './plain-feed.ts';
import type { Source } from './source.ts';

const retryMs = 1_000;
const restMs = 100;

/** Whose messages they are. */
export interface RelayOwner extends FeedOwner {
  /** Where they are kept, once that is open. */
  open(): Promise<Source>;
  /** They are not to be sent any more. */
  readonly isClosed: boolean;
  /** Sends as an end without a journal does. */
  sendPlain(data: unknown, settings: SendSettings | undefined): Promise<void>;
  /**
   * Asks as an end without a journal does, where there are requests. Resolves once it is answered; rejects with what it failed
   * with.
   */
  askPlain?(id: string, data: unknown): Promise<void>;
  /** They go out from now on; `confirms` says whether this peer tells what it has. */
  begun(confirms: boolean): void;
}

/** Brings what waits in one source to one peer, over one session after the other. */
export class Relay {
  readonly #host: PluginHost;
  readonly #lane: Lane;
  readonly #owner: RelayOwner;
  readonly #codec = new MessageCodec();
  #feed: Feed | undefined;
  #peer: PeerHandle | undefined;
  #reachesJournal = false;
  #isPeerFailed = false;
  /** Of which it was told that the peer has more of it. */
  #told: Source | undefined;
  #session = 0;

  constructor(host: PluginHost, lane: Lane, owner: RelayOwner) {
    this.#host = host;
    this.#lane = lane;
    this.#owner = owner;
  }

  /** Whether the peer has a journal too. */
  get reachesJournal(): boolean {
    return this.#reachesJournal;
  }

  /** Whether there is a link to the peer now. */
  get hasLink(): boolean {
    return this.#peer?.remoteAddress !== undefined;
  }

  /** The journal of the peer failed: it takes nothing until it is started again. */
  get isPeerFailed(): boolean {
    return this.#isPeerFailed;
  }

  /** A new session: what the peer has of what waits here decides where it continues. Never rejects. */
  async begin(peer: PeerHandle): Promise<void> {
    const session = (this.#session += 1);
    this.#peer = peer;
    try {
      const source = await this.#owner.open();
      const feed = await this.#feedFor(source, peer);
      if (session !== this.#session || this.#owner.isClosed) return;
      this.#feed = feed;
      this.#owner.begun(peer.delivery !== 'legacy');
      feed.run().then(
        () => this.#ended(feed, session),
        (error: unknown) => this.#failed(error, session),
      );
    } catch (error) {
      this.#failed(error, session);
    }
  }

  /** Whether the peer there is now speaks net-ipc. */
  get isLegacy(): boolean {
    return this.#peer?.delivery === 'legacy';
  }

  /** The session is over. */
  end(): void {
    this.#session += 1;
    this.#peer = undefined;
    this.#reachesJournal = this.#isPeerFailed = false;
    this.stop();
  }

  /** Nothing more goes out in this session, and another peer may have the source from when this resolves. Never rejects. */
  async leave(): Promise<void> {
    const peer = this.#peer;
    const hadJournal = this.#reachesJournal;
    this.end();
    if (peer !== undefined && hadJournal) await this.#lane.request(peer, leaveQuestion).catch(() => {});
  }

  /** Nothing more goes out in this session. */
  stop(): void {
    this.#feed?.end();
    this.#feed = undefined;
  }

  /** There may be more to send. */
  wake(): void {
    this.#feed?.wake();
  }

  /** Resolves when the peer's listeners have had all that it has; rejects when its session is over. */
  async askHeard(): Promise<void> {
    if (this.#peer === undefined) throw new BusError('ERR_SESSION_LOST');
    await this.#lane.request(this.#peer, heardQuestion, { timeout: 0 });
  }

  /** Asks for the answers of requests that the peer may have. */
  ask(asked: AskMessage[1]): void {
    const question: AskMessage = ['ask', asked];
    // Where the session is over, the next one asks.
    if (this.#peer !== undefined) this.#lane.request(this.#peer, question, { timeout: 0 }).catch(() => {});
  }

  /** This end has the answer of a request. */
  got(id: string): void {
    const message: GotMessage = ['got', id];
    if (this.#peer !== undefined && isOnlyOnce(id)) this.#lane.send(this.#peer, message).catch(() => {});
  }

  /** What the peer says that it has, or that it takes nothing more. @throws BusError `ERR_PROTOCOL`. */
  acknowledged(data: unknown): void {
    const reason = readClosed(data);
    if (reason !== undefined) {
      this.#closed(reason);
      return;
    }
    const acknowledged = readAcknowledged(data);
    if (acknowledged === undefined) throw new BusError('ERR_PROTOCOL', 'The peer acknowledged an invalid position');
    if (this.#feed instanceof JournalFeed) this.#feed.acknowledged(acknowledged);
  }

  /** What is on its way is lost: it goes out again once the journal is open there. */
  #closed(reason: string): void {
    const feed = this.#feed;
    if (!(feed instanceof JournalFeed)) return;
    this.stop();
    this.#failed(new BusError('ERR_JOURNAL', `The peer opened its journal again: ${reason}`), this.#session);
  }

  async #feedFor(source: Source, peer: PeerHandle): Promise<Feed> {
    this.#reachesJournal = false;
    const journals = source.journals.slice(0, mostJournals);
    try {
      const opened = readOpened(await this.#lane.request(peer, [source.folderId, journals]));
      this.#isPeerFailed = false;
      if (opened === undefined) throw new BusError('ERR_PROTOCOL', 'The peer reported an invalid position');
      this.#compare(source, opened, peer);
      this.#reachesJournal = true;
      return new JournalFeed(source, this.#owner, this.#lane, peer, opened);
    } catch (error) {
      this.#isPeerFailed = codeOf(error) === 'ERR_JOURNAL';
      // What is behind it need not wait for that.
      if (this.#isPeerFailed) this.#owner.taken();
      if (codeOf(error) !== 'ERR_PEER_LACKS_FEATURE') throw error;
    }
    const settings = peer.delivery === 'legacy' ? undefined : { confirm: true };
    const send = async (body: Uint8Array, journal: string, sequence: number): Promise<void> => {
      const request = readRequestBody(body);
      const data = this.#decoded(request?.data ?? body);
      if (request === undefined) await this.#owner.sendPlain(data, settings);
      else await this.#owner.askPlain?.(requestIdOf(request.key, journal, sequence), data);
    };
    return new PlainFeed(source, this.#owner, send, () => sleep(this.#host.clock, restMs));
  }

  /** @throws BusError `ERR_UNENCODABLE` for what cannot be sent in another form. */
  #decoded(body: Uint8Array): unknown {
    try {
      return this.#codec.decode(body);
    } catch (cause) {
      throw new BusError('ERR_UNENCODABLE', textOf(cause), { cause });
    }
  }

  /** Reports a folder that was restored, or of which there is another copy; once. */
  #compare(source: Source, [, had, others]: Opened, peer: PeerHandle): void {
    const lasts = new Map(source.journals);
    const isBehind = had.some(([journal, sequence]) => sequence > (lasts.get(journal) ?? Number.POSITIVE_INFINITY));
    if (source === this.#told || (!isBehind && others <= source.before)) return;
    this.#told = source;
    const text = 'The journal is behind what the peer has of it; it continues under a new id';
    this.#host.report(new BusError('ERR_JOURNAL', text), peer);
  }

  /** Continues with the openings that it was not begun with. */
  #ended(feed: Feed, session: number): void {
    if (feed.isUnnamed && feed === this.#feed) this.#begunLater(restMs, session);
  }

  /** Tries again while the session lives: the peer's journal may have been in use, or full. */
  #failed(error: unknown, session: number): void {
    if (session !== this.#session) return;
    this.#feed = undefined;
    const peer = this.#peer as PeerHandle;
    if (codeOf(error) !== 'ERR_SESSION_LOST') this.#host.report(asBusError(error, 'ERR_JOURNAL'), peer);
    this.#begunLater(retryMs, session);
  }

  #begunLater(ms: number, session: number): void {
    const again = (): void => {
      if (session === this.#session && !this.#owner.isClosed) void this.begin(this.#peer as PeerHandle);
    };
    this.#host.clock.setTimer(again, ms, true);
  }
}
