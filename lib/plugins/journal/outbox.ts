import { asBusError, BusError } from '../../base/errors.ts';
import { checkSettings, checkSwitch } from '../../base/options.ts';
import { Queue } from '../../base/queue.ts';
import { codeOf } from '../../base/thrown.ts';
import { failing, inTime } from '../../base/wait.ts';
import {
  type DurableBacklog,
  type DurableSender,
  type DurableSends,
  type Lane,
  MessageCodec,
  type PeerHandle,
  type PluginHost,
  type SendSettings,
} from '../../bus/plugin.ts';
import { type Early, EarlySends } from './early-sends.ts';
import { heardQuestion, readAcknowledged, readOpened } from './lane-messages.ts';
import type { ResolvedLogOptions } from './log/log-options.ts';
import { type Feed, type FeedOwner, JournalFeed, PlainFeed } from './outbox-feed.ts';
import { OutboxLog } from './outbox-log.ts';
import { PlainSends, type PlainSendsOwner } from './plain-sends.ts';

const retryMs = 1_000;
/** What a record has besides its message. */
const mostOverhead = 64;
const noSignal = 'signal must be an AbortSignal';
const settingNames = ['durable', 'confirm', 'timeout', 'signal'];

interface Confirm {
  readonly sequence: number;
  resolve(): void;
  reject(error: BusError): void;
}

/** The sends of one client: durable ones by its journal, and the others in order with them. */
export class Outbox implements DurableSends, FeedOwner, PlainSendsOwner {
  readonly #host: PluginHost;
  readonly #sender: DurableSender;
  readonly #folder: string;
  readonly #options: ResolvedLogOptions;
  readonly #codec = new MessageCodec();
  readonly #lane: Lane;
  #opening: Promise<OutboxLog> | undefined;
  #closing: Promise<void> | undefined;
  #box: OutboxLog | undefined;
  #feed: Feed | undefined;
  #peerHasJournal = false;
  readonly #early: EarlySends;
  readonly #plain: PlainSends;
  readonly #confirms = new Queue<Confirm>();
  /** The batch whose end the feed is told of. */
  #told: Promise<void> | undefined;
  #session = 0;

  constructor(host: PluginHost, sender: DurableSender, folder: string, options: ResolvedLogOptions) {
    this.#host = host;
    this.#sender = sender;
    this.#folder = folder;
    this.#options = options;
    this.#early = new EarlySends(
      () => this.#open(),
      () => this.#plain.follow(),
    );
    this.#plain = new PlainSends(sender, this);
    this.#lane = host.lane({ message: (data) => this.#acknowledged(data) });
    host.onStart(async () => void (await this.#open()));
    host.onReady(() => this.#ready());
    host.onDisconnect(() => this.#over());
  }

  get box(): OutboxLog {
    return this.#box as OutboxLog;
  }

  get reachesJournal(): boolean {
    return this.#peerHasJournal;
  }

  get open(): OutboxLog | undefined {
    return this.#box;
  }

  get upTo(): number {
    return this.#plain.upTo;
  }

  get lastEarly(): Early | undefined {
    return this.#early.last;
  }

  send(data: unknown, settings: SendSettings | undefined): Promise<void> {
    if (settings?.durable === undefined) return this.#plain.send(data, settings);
    try {
      checkSettings('send takes its settings as', settingNames, settings);
      checkSwitch('durable', settings.durable);
      const { durable, ...others } = settings;
      if (!durable) return this.#plain.send(data, others);
      return this.#sendDurable(data, others);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async backlog(): Promise<DurableBacklog> {
    return (await this.#open()).backlog();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close().finally(() => {
      this.#closing = undefined;
    });
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#opening === undefined) return;
    const closed = new BusError('ERR_CLOSED');
    this.#early.fail(closed);
    for (const { reject } of this.#confirms.clear()) reject(closed);
    this.#feed?.end();
    const box = await this.#opening.catch(() => undefined);
    this.#opening = undefined;
    this.#box = undefined;
    this.#plain.end();
    await box?.close();
  }

  settled(): Promise<void> {
    return this.#plain.settled();
  }

  released(): void {
    this.#feed?.wake();
  }

  async askHeard(): Promise<void> {
    const [peer] = this.#host.peers;
    if (peer === undefined) throw new BusError('ERR_SESSION_LOST');
    await this.#lane.request(peer, heardQuestion, { timeout: 0 });
  }

  taken(): void {
    const { taken } = this.box;
    for (let { first } = this.#confirms; first !== undefined; { first } = this.#confirms) {
      if (first.sequence > taken) break;
      this.#confirms.shift();
      first.resolve();
    }
    this.#plain.follow();
  }

  #sendDurable(data: unknown, settings: SendSettings): Promise<void> {
    const { confirm = false, timeout = 0, signal } = settings;
    checkSwitch('confirm', confirm);
    if (typeof timeout !== 'number' || !(timeout >= 0)) {
      throw new BusError('ERR_INVALID_ARGUMENT', `A timeout is in milliseconds, 0 or more, not ${String(timeout)}`);
    }
    if (!(signal === undefined || signal instanceof AbortSignal)) throw new BusError('ERR_INVALID_ARGUMENT', noSignal);
    if (confirm && this.#isLegacy) throw new BusError('ERR_PEER_LACKS_FEATURE');
    const body = this.#codec.encode(this.#sender.valueOf(data));
    const { maxBytes } = this.#options;
    if (body.length + mostOverhead > maxBytes) {
      throw new BusError('ERR_TOO_LARGE', `The message has ${body.length} bytes, the journal ${maxBytes}`);
    }
    const isTimed = timeout > 0 && timeout < Number.POSITIVE_INFINITY;
    if (isTimed || signal !== undefined) return this.#sendInTime(body, confirm, isTimed ? timeout : undefined, signal);
    const box = this.#box;
    if (box !== undefined && this.#early.isEmpty) {
      const sequence = box.append(body);
      if (sequence !== undefined) return this.#placed(box, sequence, confirm);
    }
    return this.#early.push(body).place.then((sequence) => this.#placed(this.box, sequence, confirm));
  }

  /** It is in the batch that is gathered: resolves when that is written, or when the peer has it. */
  #placed(box: OutboxLog, sequence: number, confirm: boolean): Promise<void> {
    const written = box.log.pending;
    if (this.#told !== written) {
      this.#told = written;
      const tell = (): void => {
        this.#feed?.wake();
        if (box.log.failure !== undefined) this.#plain.follow();
      };
      written.then(tell, tell);
    }
    if (!confirm) return written;
    return written.then(
      () =>
        new Promise((resolve, reject) => {
          // What a net-ipc peer takes is not confirmed, also where it takes it before it is known to be written.
          if (this.#isLegacy) reject(new BusError('ERR_PEER_LACKS_FEATURE'));
          else if (sequence <= box.taken) resolve();
          else if (this.#box !== box) reject(new BusError('ERR_CLOSED'));
          else this.#confirms.push({ sequence, resolve, reject });
        }),
    );
  }

  #sendInTime(body: Uint8Array, confirm: boolean, ms = 2_147_483_647, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return failing(() => aborted(signal));
    const { early, place } = this.#early.push(body);
    const placed = place.then((sequence) => this.#placed(this.box, sequence, confirm));
    const late = (): BusError => new BusError('ERR_TIMEOUT', `The journal had no room for ${ms} ms`);
    return inTime({ clock: this.#host.clock, ms, signal, background: true }, placed, late).catch((error: unknown) => {
      early.isOver = true;
      throw signal?.aborted === true && error === signal.reason ? aborted(signal) : error;
    });
  }

  async #open(): Promise<OutboxLog> {
    await this.#closing;
    this.#opening ??= OutboxLog.open(this.#folder, this.#options).then(
      (box) => {
        this.#box = box;
        for (const damage of box.log.damages) this.#host.report(damage);
        return box;
      },
      (error: unknown) => {
        this.#opening = undefined;
        throw error;
      },
    );
    return this.#opening;
  }

  get #isLegacy(): boolean {
    const [peer] = this.#host.peers;
    return peer?.delivery === 'legacy';
  }

  /** A new session: what the peer has of what waits here decides where it goes on. Never rejects, since `connect()` would. */
  async #ready(): Promise<void> {
    const session = (this.#session += 1);
    const [peer] = this.#host.peers;
    if (peer === undefined) return;
    try {
      const box = await this.#open();
      const feed = await this.#feedFor(box, peer);
      if (session !== this.#session || this.#box !== box) return;
      this.#feed = feed;
      this.#plain.follow();
      feed.run().catch((error: unknown) => this.#failed(error, session));
    } catch (error) {
      this.#failed(error, session);
    }
  }

  async #feedFor(box: OutboxLog, peer: PeerHandle): Promise<Feed> {
    this.#peerHasJournal = false;
    const journals = box.journals;
    try {
      const had = readOpened(await this.#lane.request(peer, [box.log.folderId, journals]));
      if (had === undefined) throw new BusError('ERR_PROTOCOL', 'The peer says nothing sensible of what it has');
      const lasts = new Map(journals);
      for (const [journal, sequence] of had) {
        if (sequence <= (lasts.get(journal) ?? Number.POSITIVE_INFINITY)) continue;
        const text = `The folder ${this.#folder} is behind what the peer has of it; it goes on under a new id`;
        this.#host.report(new BusError('ERR_JOURNAL', text));
        break;
      }
      this.#peerHasJournal = true;
      return new JournalFeed(this, this.#lane, peer, had);
    } catch (error) {
      if (codeOf(error) !== 'ERR_PEER_LACKS_FEATURE') throw error;
    }
    const send = (body: Uint8Array, settings: SendSettings | undefined): Promise<void> =>
      this.#sender.send(this.#codec.decode(body), settings);
    if (peer.delivery !== 'legacy') return new PlainFeed(this, (body) => send(body, { confirm: true }));
    for (const { reject } of this.#confirms.clear()) reject(new BusError('ERR_PEER_LACKS_FEATURE'));
    return new PlainFeed(this, (body) => send(body, undefined));
  }

  /** Tries again while the session lives: the peer's journal may have been in use, or full. */
  #failed(error: unknown, session: number): void {
    if (session !== this.#session) return;
    this.#feed = undefined;
    if (codeOf(error) !== 'ERR_SESSION_LOST') this.#host.report(asBusError(error, 'ERR_JOURNAL'));
    const again = (): void => {
      if (session === this.#session && this.#opening !== undefined) void this.#ready();
    };
    this.#host.clock.setTimer(again, retryMs, true);
  }

  #over(): void {
    this.#session += 1;
    this.#peerHasJournal = false;
    this.#feed?.end();
    this.#feed = undefined;
  }

  #acknowledged(data: unknown): void {
    const acknowledged = readAcknowledged(data);
    if (acknowledged === undefined) throw new BusError('ERR_PROTOCOL', 'The peer acknowledges what is no place');
    if (this.#feed instanceof JournalFeed) this.#feed.acknowledged(acknowledged);
  }
}

function aborted(signal: AbortSignal): BusError {
  return new BusError('ERR_ABORTED', undefined, { cause: signal.reason });
}
