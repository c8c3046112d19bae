import { BusError } from '../../../base/errors.ts';
import { inTime, Signal, withinTime } from '../../../base/wait.ts';
import type {
  ClientSender,
  DurableSends,
  DurableSendOptions,
  PeerHandle,
  PluginHost,
  SendSettings,
} from '../../../bus/plugin.ts';
import type { Outbox } from './outbox.ts';

const mostWaiting = 16_384;
const longestMs = 2_147_483_647;

/** What knows the journals of clients. */
export interface ClientSendsOwner {
  readonly host: PluginHost;
  /** The id of the client's journal, once it has said so. */
  journalOf(peer: PeerHandle): string | undefined;
  /** Asks for it, and finds the place of what is sent to it. */
  find(sends: ClientSends): Promise<void>;
}

/** A send that was made before it was known where it goes. */
type Early = (failure: unknown) => void;

/** The sends to one client that is connected. Whether it has a journal is found out with the first durable one. */
export class ClientSends implements DurableSends {
  readonly peer: PeerHandle;
  readonly sender: ClientSender;
  readonly #owner: ClientSendsOwner;
  /** Once something durable was sent to it. */
  outbox: Outbox | undefined;
  readonly #early = new Set<Early>();
  readonly #lost = new Signal();
  #isLinked = true;
  #isFinding = false;
  /** The session is over. */
  isOver = false;

  constructor(peer: PeerHandle, sender: ClientSender, owner: ClientSendsOwner) {
    this.peer = peer;
    this.sender = sender;
    this.#owner = owner;
  }

  get journal(): string | undefined {
    return this.#owner.journalOf(this.peer);
  }

  send(data: unknown, settings: SendSettings | undefined): Promise<void> {
    if (this.#isFinding) return this.#later(() => this.send(data, settings), false);
    return (this.outbox ?? this.sender).send(data, settings);
  }

  sendDurably(data: unknown, options: DurableSendOptions): Promise<void> {
    if (this.isOver) return Promise.reject(new BusError('ERR_CLOSED'));
    if (this.peer.delivery === 'legacy') return Promise.reject(new BusError('ERR_PEER_LACKS_FEATURE'));
    if (this.outbox !== undefined && !this.#isFinding) return this.outbox.sendDurably(data, options);
    if (!this.#isFinding) void this.#find();
    const { timeoutMs: ms = longestMs, signal } = options;
    if (ms === longestMs && signal === undefined) return this.#later(() => this.sendDurably(data, options), true);
    const { clock } = this.#owner.host;
    const began = clock.now();
    const given: { early?: Early } = {};
    const again = (): Promise<void> => {
      const left = Math.max(1, ms - (clock.now() - began));
      return this.sendDurably(data, { ...options, timeoutMs: left });
    };
    const sent = this.#later(again, true, given);
    const late = (): BusError => {
      const why = this.#isLinked ? '' : ': there is no link to it';
      return new BusError('ERR_TIMEOUT', `The client did not say within ${ms} ms whether it has a journal${why}`);
    };
    return inTime({ clock, ms, signal }, sent, late).catch((error: unknown) => {
      if (given.early !== undefined) this.#early.delete(given.early);
      throw signal?.aborted === true && error === signal.reason
        ? new BusError('ERR_ABORTED', undefined, { cause: error })
        : error;
    });
  }

  async gone(): Promise<void> {
    // Those that wait to be told where they go are among the others by then.
    if (this.#isFinding) await this.#later(() => Promise.resolve(), false);
    await this.outbox?.gone();
  }

  finish(ms: number): Promise<void> | undefined {
    const isWaiting = this.#isFinding || this.outbox?.plain.isWaiting === true;
    if (!isWaiting || !this.#isLinked || this.isOver) return undefined;
    return withinTime(this.#owner.host.clock, ms, Promise.race([this.gone(), this.#lost.next()]));
  }

  /** The client has a link, or has it no more. */
  linked(up: boolean): void {
    this.#isLinked = up;
    if (!up && this.#lost.isAwaited) this.#lost.wake();
  }

  async #find(): Promise<void> {
    this.#isFinding = true;
    let failure: unknown;
    try {
      // It cannot say so before it is heard.
      this.sender.welcomed();
      await this.#owner.find(this);
    } catch (error) {
      failure = this.isOver ? new BusError('ERR_CLOSED') : error;
    }
    this.#isFinding = false;
    const early = [...this.#early];
    this.#early.clear();
    for (const go of early) go(failure);
  }

  #later(send: () => Promise<void>, isDurable: boolean, given: { early?: Early } = {}): Promise<void> {
    if (this.#early.size >= mostWaiting) return Promise.reject(new BusError('ERR_QUEUE_FULL'));
    return new Promise((resolve, reject) => {
      given.early = (failure) => {
        if (isDurable && failure !== undefined) reject(failure);
        else send().then(resolve, reject);
      };
      this.#early.add(given.early);
    });
  }
}
