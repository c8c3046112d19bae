import type { Clock } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import { ChannelError, Reason } from '../reason.ts';
import { type Cargo, cargo, Parcel } from '../relay/parcel.ts';
import { type CallListener, type CallPort, callPort } from './call-port.ts';
import { HeldEmitter } from './held-emitter.ts';
import type { Admission, Line } from './line.ts';
import { type StreamMode, StreamReader } from './stream-reader.ts';

export interface EndOptions {
  readonly id: string;
  readonly mode: StreamMode | undefined;
  readonly maxChunkBytes: number | undefined;
  /** Bytes kept for listeners that are not there yet. */
  readonly maxHeldBytes: number;
  readonly clock: Clock;
  failed(error: unknown): void;
}

interface EndEvents {
  data: readonly unknown[];
  chunk: readonly unknown[];
  error: readonly unknown[];
  remote: readonly unknown[];
}

/** What the owner's and the user's end of a channel have in common. */
export abstract class ChannelEnd<
  Events extends EndEvents & { [Name in keyof Events]: readonly unknown[] },
> extends HeldEmitter<Events> {
  readonly id: string;
  readonly #options: EndOptions;
  readonly #early: { readonly user: number; readonly body: Uint8Array }[] = [];
  #streams: StreamReader | undefined;
  #line: Line | undefined;
  #admission: Admission | undefined;
  #closed: Reason | undefined;
  #overflowed = false;
  protected listener: CallListener | undefined;

  constructor(options: EndOptions) {
    super({
      maxHeldBytes: options.maxHeldBytes,
      failed: options.failed,
      overflow: (event) => this.#overflow(event),
    });
    this.id = options.id;
    this.#options = options;
  }

  /** This end's number for the channel, the lowest that was free; -1 before the relay let it in. */
  get number(): number {
    return this.#admission?.number ?? -1;
  }

  /** Why the channel is over for this end; undefined while it is not. */
  get closed(): Reason | undefined {
    return this.#closed;
  }

  /** Bytes a chunk may have here. */
  get maxChunkSize(): number {
    return this.#admission?.maxChunkBytes ?? 0;
  }

  abstract get [callPort](): CallPort;

  override on<Name extends keyof Events & string>(event: Name, listener: (...args: Events[Name]) => unknown): this {
    super.on(event, listener);
    const name: string = event;
    if (name === 'data' || name === 'chunk') this.#streams?.decide(name);
    return this;
  }

  /** @internal The relay let this end in. */
  admit(admission: Admission, line: Line): void {
    this.#admission = admission;
    this.#line = line;
    const mode = this.#options.mode ?? this.#heard();
    const chunkBytes = this.#options.maxChunkBytes ?? admission.maxChunkBytes;
    const sink = {
      data: (user: number, bytes: Uint8Array) => this.arrived(cargo.data, user, bytes),
      chunk: (user: number, bytes: Uint8Array) => this.arrived(cargo.chunk, user, bytes),
      remote: (user: number, bytes: Uint8Array) => this.#remoteChunk(user, bytes),
      malformed: (user: number) => this.malformed(user),
    };
    this.#streams = new StreamReader(sink, mode, chunkBytes, this.#options.maxHeldBytes);
  }

  /** @internal Something came from the other side. */
  deliver(parcel: Parcel): void {
    if (this.#closed !== undefined || !this.knows(parcel)) return;
    if (parcel.kind === cargo.stream) this.#streams?.feed(this.sender(parcel), parcel.body);
    else if (parcel.kind === cargo.call) this.#call(this.sender(parcel), parcel.body);
    else this.arrived(parcel.kind, this.sender(parcel), parcel.body);
  }

  protected abstract arrived(kind: Cargo, user: number, bytes: Uint8Array): void;
  /** The bytes of a joint peer cannot be read in the end's mode. */
  protected abstract malformed(user: number): void;
  /** The other side sent what only a faulty or a hostile peer sends, and stays. */
  protected abstract suspicious(user: number): void;
  /** Whether the parcel is from somebody who is still there. */
  protected abstract knows(parcel: Parcel): boolean;
  protected abstract sender(parcel: Parcel): number;

  protected get line(): Line | undefined {
    return this.#closed === undefined ? this.#line : undefined;
  }

  protected resetStream(user: number): void {
    this.#streams?.reset(user);
  }

  /** Marks the end as over; false if it was. */
  protected finish(reason: Reason): boolean {
    if (this.#closed !== undefined) return false;
    this.#closed = reason;
    this.#early.length = 0;
    return true;
  }

  /** Never throws, and its promise may be left alone: a failure nobody waits for is no unhandled rejection. */
  protected post(kind: Cargo, user: number, toAll: boolean, bytes: Uint8Array): Promise<void> {
    const refusal = this.#refusal(kind, bytes);
    if (refusal !== undefined) return failed(refusal);
    const line = this.#line;
    const room = this.#admission?.room;
    if (line === undefined || room === undefined) return failed(new ChannelError(Reason.CLOSE));
    return line.send(new Parcel(kind, room, user, toAll, bytes));
  }

  protected port(
    parts: Pick<CallPort, 'many' | 'send' | 'sendChunk' | 'announced'> & { others(): CallPort['others'] },
  ): CallPort {
    const closed = (): Reason | undefined => this.#closed;
    return {
      many: parts.many,
      clock: this.#options.clock,
      report: (error) => this.#options.failed(error),
      suspicious: (user) => this.suspicious(user),
      send: parts.send,
      sendChunk: parts.sendChunk,
      announced: parts.announced,
      get others() {
        return parts.others();
      },
      get closed() {
        return closed();
      },
      attach: (listener) => {
        this.listener = listener;
        for (const { user, body } of this.#early.splice(0)) listener.call(user, body);
      },
      claimStreams: () => this.#streams?.decide('remote'),
    };
  }

  #refusal(kind: Cargo, bytes: Uint8Array): BusError | undefined {
    if (this.#closed !== undefined) return new ChannelError(this.#closed, `Channel "${this.id}" is closed.`);
    if (!(bytes instanceof Uint8Array))
      return new BusError('ERR_INVALID_ARGUMENT', 'A channel carries bytes (Uint8Array).');
    if (bytes.length === 0) return new BusError('ERR_INVALID_ARGUMENT', 'At least one byte has to be sent.');
    const most = kind === cargo.chunk ? this.#admission?.maxChunkBytes : this.#admission?.maxPayloadBytes;
    if (most === undefined || bytes.length <= most) return undefined;
    return new BusError(
      'ERR_TOO_LARGE',
      `${bytes.length} bytes are more than the ${most} that channel "${this.id}" takes.`,
    );
  }

  #heard(): StreamMode | undefined {
    if (this.listenerCount('data') > 0) return 'data';
    return this.listenerCount('chunk') > 0 ? 'chunk' : undefined;
  }

  /** Bytes that are lost because nobody listens are worth a word, one; news of users that nobody wants are not. */
  #overflow(event: string): void {
    if (this.#overflowed || (event !== 'data' && event !== 'chunk')) return;
    this.#overflowed = true;
    this.#options.failed(new ChannelError(Reason.FULL, `Nobody listens for ${event} on channel "${this.id}".`));
  }

  #call(user: number, body: Uint8Array): void {
    if (this.listener !== undefined) this.listener.call(user, body);
    else if (this.#early.length < 1_000) this.#early.push({ user, body });
  }

  #remoteChunk(user: number, bytes: Uint8Array): void {
    try {
      this.listener?.chunk(user, bytes);
    } catch {
      this.suspicious(user);
    }
  }
}

/** A rejection that may be left alone. */
export function failed(error: BusError): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(() => undefined);
  return promise;
}
