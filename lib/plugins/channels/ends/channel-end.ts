import type { Clock } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import { ChannelFrame, type PayloadKind, payloadKind } from '../channel-frame.ts';
import type { EntryMessage, Membership, RelayMessage } from '../lane-messages.ts';
import { ChannelError, Reason } from '../reason.ts';
import { type CallListener, type CallPort, callPort } from './call-port.ts';
import { HeldEmitter } from './held-emitter.ts';
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

/** An end's way to its relay; everything on it keeps its order. */
export interface EndTransport {
  /** Resolves when the way takes more. */
  send(frame: ChannelFrame): Promise<void>;
  /** A user leaves, an owner closes. */
  leave(): void;
  kick(user: number, text: string | undefined): void;
  block(user: number, text: string | undefined): void;
  unblock(who: number | string): void;
}

interface EndEvents {
  data: readonly unknown[];
  chunk: readonly unknown[];
  error: readonly unknown[];
  remote: readonly unknown[];
}

/** Calls that come before there is an object to call. */
const maxEarlyCalls = 1_000;

/** What the owner's and the user's end of a channel have in common. */
export abstract class ChannelEnd<
  Events extends EndEvents & { [Name in keyof Events]: readonly unknown[] },
> extends HeldEmitter<Events> {
  readonly id: string;
  readonly #options: EndOptions;
  readonly #early: { readonly user: number; readonly body: Uint8Array }[] = [];
  #earlyBytes = 0;
  #streams: StreamReader | undefined;
  #transport: EndTransport | undefined;
  #membership: Membership | undefined;
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
    return this.#membership?.number ?? -1;
  }

  /** Why the channel is over for this end; undefined while it is not. */
  get closed(): Reason | undefined {
    return this.#closed;
  }

  /** Bytes a chunk may have here. */
  get maxChunkSize(): number {
    return this.#membership?.maxChunkBytes ?? 0;
  }

  abstract get [callPort](): CallPort;

  /** @internal The relay let this end in. */
  abstract admitted(message: EntryMessage, transport: EndTransport): void;
  /** @internal What the relay tells this end. */
  abstract told(message: RelayMessage): void;
  /** @internal There is no way to the relay any more. */
  abstract lost(): void;
  /** @internal Leaves the channel, or closes one's own. */
  abstract quit(): void;

  /** @internal */
  protected override listenerComes(event: string | symbol): void {
    if (event === 'data' || event === 'chunk') this.#streams?.decide(event);
    super.listenerComes(event);
  }

  protected admit(membership: Membership, transport: EndTransport): void {
    this.#membership = membership;
    this.#transport = transport;
    const mode = this.#options.mode ?? this.#heard();
    const chunkBytes = this.#options.maxChunkBytes ?? membership.maxChunkBytes;
    const sink = {
      data: (user: number, bytes: Uint8Array) => this.arrived(payloadKind.data, user, bytes),
      chunk: (user: number, bytes: Uint8Array) => this.arrived(payloadKind.chunk, user, bytes),
      remote: (user: number, bytes: Uint8Array) => this.#remoteChunk(user, bytes),
      malformed: (user: number) => this.malformed(user),
    };
    this.#streams = new StreamReader(sink, mode, chunkBytes, this.#options.maxHeldBytes);
  }

  /** @internal Something came from the peer. */
  deliver(frame: ChannelFrame): void {
    if (this.#closed !== undefined || !this.knows(frame)) return;
    if (frame.kind === payloadKind.stream) this.#streams?.feed(this.sender(frame), frame.body);
    else if (frame.kind === payloadKind.call) this.#call(this.sender(frame), frame.body);
    else this.arrived(frame.kind, this.sender(frame), frame.body);
  }

  protected abstract arrived(kind: PayloadKind, user: number, bytes: Uint8Array): void;
  /** The bytes of a joint peer cannot be read in the end's mode. */
  protected abstract malformed(user: number): void;
  /** The peer sent what only a faulty or a hostile peer sends, and stays. */
  protected abstract suspicious(user: number): void;
  /** Whether the frame is from somebody who is still there. */
  protected abstract knows(frame: ChannelFrame): boolean;
  protected abstract sender(frame: ChannelFrame): number;

  protected get transport(): EndTransport | undefined {
    return this.#closed === undefined ? this.#transport : undefined;
  }

  protected resetStream(user: number): void {
    this.#streams?.reset(user);
  }

  /** Marks the end as over; false if it was. */
  protected finish(reason: Reason): boolean {
    if (this.#closed !== undefined) return false;
    this.#closed = reason;
    this.#takeEarly();
    return true;
  }

  /** Never throws, and its promise may be left alone: a failure nobody waits for is not an unhandled rejection. */
  protected post(kind: PayloadKind, user: number, toAll: boolean, bytes: Uint8Array): Promise<void> {
    const refusal = this.#refusal(kind, bytes);
    if (refusal !== undefined) return failed(refusal);
    const transport = this.#transport;
    const room = this.#membership?.room;
    if (transport === undefined || room === undefined) return failed(new ChannelError(Reason.CLOSE));
    return transport.send(new ChannelFrame(kind, room, user, toAll, bytes));
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
        for (const { user, body } of this.#takeEarly()) listener.call(user, body);
      },
      claimStreams: () => this.#streams?.decide('remote'),
    };
  }

  #refusal(kind: PayloadKind, bytes: Uint8Array): BusError | undefined {
    if (this.#closed !== undefined) return new ChannelError(this.#closed, `Channel "${this.id}" is closed`);
    if (!(bytes instanceof Uint8Array) || bytes.length === 0) {
      return new BusError('ERR_INVALID_ARGUMENT', 'The data of a channel must be a Uint8Array of at least one byte');
    }
    const most = kind === payloadKind.chunk ? this.#membership?.maxChunkBytes : this.#membership?.maxPayloadBytes;
    if (most === undefined || bytes.length <= most) return undefined;
    return new BusError(
      'ERR_TOO_LARGE',
      `${bytes.length} bytes are more than the ${most} that channel "${this.id}" allows`,
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
    this.#options.failed(new ChannelError(Reason.FULL, `Nobody listens for ${event} on channel "${this.id}"`));
  }

  #call(user: number, body: Uint8Array): void {
    if (this.listener !== undefined) {
      this.listener.call(user, body);
      return;
    }
    const bytes = this.#earlyBytes + body.length;
    if (this.#early.length >= maxEarlyCalls || bytes > this.#options.maxHeldBytes) return;
    this.#earlyBytes = bytes;
    this.#early.push({ user, body });
  }

  #takeEarly(): { readonly user: number; readonly body: Uint8Array }[] {
    this.#earlyBytes = 0;
    return this.#early.splice(0);
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
