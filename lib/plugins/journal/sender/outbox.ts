import { BusError } from '../../../base/errors.ts';
import { failing, inTime } from '../../../base/wait.ts';
import {
  type DurableBacklog,
  type DurableSender,
  type DurableSendOptions,
  type DurableSends,
  type Lane,
  MessageCodec,
  type PeerHandle,
  type PluginHost,
  type SendSettings,
} from '../../../bus/plugin.ts';
import type { Refused } from '../format/lane-messages.ts';
import type { ResolvedLogOptions } from '../log/log-options.ts';
import type { Share } from './budget.ts';
import { Confirms } from './confirms.ts';
import { aborted, type Early, EarlySends, type Placing } from './early-sends.ts';
import { OutboxLog, type Waiting } from './outbox-log.ts';
import { PlainSends, type PlainSendsOwner } from './plain-sends.ts';
import { Relay, type RelayOwner } from './relay.ts';

/** What a record has besides its message. */
const mostOverhead = 64;
const longestMs = 2_147_483_647;

export interface OutboxOptions {
  readonly host: PluginHost;
  readonly lane: Lane;
  readonly sender: DurableSender;
  readonly folder: string;
  readonly log: ResolvedLogOptions;
  /** Keeps what the peer refused permanently. */
  bury(message: Refused, error: BusError): Promise<void>;
  /** Those of who had the folder before. */
  readonly confirms?: Confirms;
  readonly share?: Share;
  /** To be awaited before the folder is opened, which is not opened where it rejects. */
  readonly before?: (() => Promise<unknown>) | undefined;
}

/** The sends to one peer: durable ones by a journal in a folder, and the others in order with them. */
export class Outbox implements DurableSends, RelayOwner, PlainSendsOwner {
  protected readonly options: OutboxOptions;
  readonly #codec = new MessageCodec();
  readonly relay: Relay;
  #opening: Promise<OutboxLog> | undefined;
  #closing: Promise<void> | undefined;
  #box: OutboxLog | undefined;
  readonly #early: EarlySends;
  readonly plain: PlainSends;
  readonly #confirms: Confirms;
  /** As `FeedOwner.handled` says. */
  #handled = 0;
  /** Nobody is to be told what the peer has any more. */
  #isOver = false;
  #isEnded = false;
  /** The batch whose end the relay is told about. */
  #told: Promise<void> | undefined;

  constructor(options: OutboxOptions) {
    const { host, lane, sender, confirms = new Confirms() } = options;
    this.options = options;
    this.#confirms = confirms;
    this.relay = new Relay(host, lane, this);
    this.#early = new EarlySends(
      () => this.open(),
      () => this.plain.follow(),
    );
    this.plain = new PlainSends(sender, this);
  }

  /** A new session with the peer. Never rejects. */
  begin(peer: PeerHandle): Promise<void> {
    return this.relay.begin(peer);
  }

  /** That session is over. */
  end(): void {
    this.relay.end();
  }

  /** As `Relay.acknowledged`. */
  acknowledged(data: unknown): void {
    this.relay.acknowledged(data);
  }

  get box(): OutboxLog | undefined {
    return this.#box;
  }

  get isClosed(): boolean {
    return this.#opening === undefined;
  }

  get upTo(): number {
    return this.plain.upTo;
  }

  get hasEarly(): boolean {
    return !this.#early.isEmpty;
  }

  followEarly(): Early | undefined {
    return this.#early.follow();
  }

  send(data: unknown, settings: SendSettings | undefined): Promise<void> {
    return this.plain.send(data, settings);
  }

  sendDurably(data: unknown, { confirm, timeoutMs, signal }: DurableSendOptions): Promise<void> {
    if (confirm && this.relay.isLegacy) return Promise.reject(new BusError('ERR_PEER_LACKS_FEATURE'));
    if (this.#isEnded) return Promise.reject(new BusError('ERR_CLOSED'));
    try {
      const body = this.encode(data);
      if (timeoutMs !== undefined || signal !== undefined) return this.#sendInTime(body, confirm, timeoutMs, signal);
      const box = this.#box;
      const sequence = this.#early.isEmpty ? box?.append(body) : undefined;
      if (box !== undefined && sequence !== undefined) return this.#placed(box, sequence, confirm);
      return this.#early.push(body).place.then((place) => this.#placed(place.box, place.sequence, confirm));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async backlog(): Promise<DurableBacklog> {
    if (this.#isEnded) throw new BusError('ERR_STATE', 'The journal is not open');
    const { messages, bytes, oldestAt } = await (await this.open()).waiting();
    return { messages, bytes, oldestMs: messages === 0 ? 0 : Math.max(0, Date.now() - oldestAt) };
  }

  /** The end begins: what `close` has closed opens again. */
  start(): Promise<OutboxLog> {
    this.#isEnded = false;
    return this.open();
  }

  /** Opens it, unless it is open. Rejects with `ERR_CLOSED` from `close` on, until `start`. */
  async open(): Promise<OutboxLog> {
    if (this.#isEnded) throw new BusError('ERR_CLOSED');
    await this.#closing;
    this.#isOver = false;
    this.#opening ??= this.#opened().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #opened(): Promise<OutboxLog> {
    const { host, folder, log, share, before } = this.options;
    await before?.();
    const box = await OutboxLog.open(folder, log, host.clock, share);
    this.#box = box;
    this.#handled = 0;
    for (const damage of box.log.damages) host.report(damage);
    return box;
  }

  close(): Promise<void> {
    this.#isEnded = true;
    this.#closing ??= this.#close().finally(() => {
      this.#closing = undefined;
    });
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#opening === undefined) return;
    this.#isOver = true;
    this.#confirms.fail(new BusError('ERR_CLOSED'));
    await this.leave();
  }

  /**
   * Releases the folder permanently; who wants to know what the peer has continues waiting for that. Resolves with what waits,
   * undefined where that cannot be told.
   */
  async leave(): Promise<Waiting | undefined> {
    if (this.#opening === undefined) return undefined;
    this.#early.fail(new BusError('ERR_CLOSED'));
    this.relay.stop();
    const box = await this.#opening.catch(() => undefined);
    this.#opening = undefined;
    this.#box = undefined;
    this.plain.end();
    const waiting = await box?.waiting().catch(() => undefined);
    await box?.close();
    return waiting;
  }

  sendPlain(data: unknown, settings: SendSettings | undefined): Promise<void> {
    return this.options.sender.send(data, settings);
  }

  /** Resolves when those that wait now have gone out, or never will. */
  gone(): Promise<void> {
    return this.plain.gone();
  }

  settled(): Promise<void> {
    return this.plain.settled();
  }

  released(): void {
    this.relay.wake();
  }

  begun(confirms: boolean): void {
    if (!confirms) this.#confirms.fail(new BusError('ERR_PEER_LACKS_FEATURE'));
    this.plain.follow();
  }

  get handledUpTo(): number {
    return Math.max(this.#handled, this.#box?.taken ?? 0);
  }

  handled(sequence: number): void {
    this.#handled = Math.max(this.#handled, sequence);
    this.taken();
  }

  taken(): void {
    if (!this.relay.reachesJournal) this.#box?.mark();
    this.#confirms.handled(this.handledUpTo);
    this.plain.follow();
  }

  async refuse(message: Refused, error: BusError): Promise<void> {
    await this.options.bury(message, error);
    this.#confirms.refuse(message.sequence, error);
  }

  /** Sends again what was sent before, at the end of what waits. */
  resend(body: Uint8Array): Promise<void> {
    return this.#early.push(body).place.then((place) => this.#placed(place.box, place.sequence, false));
  }

  /** @throws BusError `ERR_UNENCODABLE`, or `ERR_TOO_LARGE` for what never fits into the journal. */
  protected encode(data: unknown): Uint8Array {
    const body = this.#codec.encode(this.options.sender.valueOf(data));
    const { maxBytes } = this.options.log;
    if (body.length + mostOverhead > maxBytes) {
      throw new BusError('ERR_TOO_LARGE', `The message has ${body.length} bytes, the journal ${maxBytes}`);
    }
    return body;
  }

  /** It is in the batch that is gathered: resolves when that is written, or when the peer has it. */
  #placed(box: OutboxLog, sequence: number, confirm: boolean): Promise<void> {
    const written = box.log.pending;
    if (this.#told !== written) {
      this.#told = written;
      const tell = (): void => {
        this.relay.wake();
        if (box.log.failure !== undefined) this.plain.follow();
      };
      written.then(tell, tell);
    }
    if (!confirm) return written;
    return written.then(() => {
      // What a net-ipc peer takes is not confirmed, also where it takes it before it is known to be written.
      if (this.relay.isLegacy) throw new BusError('ERR_PEER_LACKS_FEATURE');
      if (sequence <= this.handledUpTo) return undefined;
      if (this.#isOver) throw new BusError('ERR_CLOSED');
      return this.#confirms.wait(sequence);
    });
  }

  /** `written` resolves where it is once it is written, and rejects with what the journal fails with. */
  protected place(body: Uint8Array): Placing {
    const { early, place } = this.#early.push(body);
    const written = place.then(async (at) => {
      await this.#placed(at.box, at.sequence, false);
      return at;
    });
    return { written, early, giveUp: () => this.#early.giveUp(early) };
  }

  #sendInTime(body: Uint8Array, confirm: boolean, ms = longestMs, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return failing(() => aborted(signal));
    const { early, place } = this.#early.push(body);
    const placed = place.then(({ box, sequence }) => this.#placed(box, sequence, confirm));
    const late = (): BusError => new BusError('ERR_TIMEOUT', this.#whyLate(early, ms));
    return inTime({ clock: this.options.host.clock, ms, signal }, placed, late).catch((error: unknown) => {
      this.#early.giveUp(early);
      throw signal?.aborted === true && error === signal.reason ? aborted(signal) : error;
    });
  }

  #whyLate({ sequence }: Early, ms: number): string {
    if (sequence === undefined)
      return `The journal ${this.#box === undefined ? 'was not open' : 'had no room'} for ${ms} ms`;
    const why = this.relay.hasLink ? '' : ': there is no link to it';
    return `The message is in the journal and will be sent, but the peer did not confirm it within ${ms} ms${why}`;
  }
}
