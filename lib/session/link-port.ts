import { asBusError, type BusError } from '../base/errors.ts';
import type { Link, LinkEvents } from '../transport/link.ts';
import type { Deflater, Inflater } from '../wire/compression.ts';
import { RecordReader, RecordWriter } from '../wire/native/record-layer.ts';
import type { Session, SessionLink } from './session.ts';

/** Who reads a link at present. */
export interface LinkReader {
  data(bytes: Uint8Array): void;
  drain(): void;
  close(error?: Error): void;
  /** The bytes are no records; the link is of no use any more. */
  failed(error: BusError): void;
}

const none: never[] = [];
const nobody: LinkReader = { data() {}, drain() {}, close() {}, failed() {} };

/** Who holds a session, and hears what becomes of each of its links. */
export interface LinkHolder {
  /** The link was closed or, with an `error`, is of no use any more. */
  linkLost(port: LinkPort, error: BusError | undefined): void;
}

/** Feeds `session` from `port`; what else happens to the link is the holder's business. */
export class SessionReader implements LinkReader {
  readonly #port: LinkPort;
  readonly #session: Session;
  readonly #holder: LinkHolder;

  constructor(port: LinkPort, session: Session, holder: LinkHolder) {
    this.#port = port;
    this.#session = session;
    this.#holder = holder;
  }

  data(bytes: Uint8Array): void {
    this.#session.receiveBytes(bytes);
  }

  drain(): void {
    this.#session.linkDrained();
  }

  close(): void {
    this.#holder.linkLost(this.#port, undefined);
  }

  failed(error: BusError): void {
    this.#holder.linkLost(this.#port, error);
  }
}

/** A link whose reader can change, and that can be compressed from some point on. */
export class LinkPort implements SessionLink, LinkEvents {
  readonly link: Link;
  #reader: LinkReader | undefined;
  #unread: Uint8Array[] = none;
  #recordReader: RecordReader | undefined;
  #recordWriter: RecordWriter | undefined;
  #streams: readonly (Deflater | Inflater)[] = none;
  #closed: { readonly error?: Error | undefined } | undefined;

  constructor(link: Link) {
    this.link = link;
    link.attach(this);
  }

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  get bufferedBytes(): number {
    return this.link.bufferedBytes;
  }

  /**
   * Hands what comes from now on to `reader`, and before it what came while nobody read; one that is late hears of the
   * close at once. Without a reader, what comes is kept for the next one, who is to follow in the same turn.
   */
  read(reader: LinkReader | undefined): void {
    this.#reader = reader;
    if (reader === undefined) return;
    const unread = this.#unread;
    this.#unread = none;
    for (const bytes of unread) this.data(bytes);
    if (this.#closed !== undefined) reader.close(this.#closed.error);
  }

  /** Gives bytes back that were read too far, for the next reader. */
  unread(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#unread = [bytes, ...this.#unread];
  }

  /** Nobody will read any more: what comes is dropped, and nobody hears of the close. */
  forget(): void {
    this.#reader = nobody;
  }

  /** Everything after this, both ways, travels in compressed records. */
  compress(deflater: Deflater, inflater: Inflater): void {
    this.#streams = [deflater, inflater];
    this.#recordWriter = new RecordWriter(deflater);
    this.#recordReader = new RecordReader(inflater);
  }

  /** Frees `streams` when the link is gone. */
  own(...streams: readonly (Deflater | Inflater)[]): void {
    this.#streams = streams;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#closed !== undefined) return true;
    if (this.#recordWriter === undefined) return this.link.write(bytes);
    let more = true;
    for (const record of this.#recordWriter.wrap(bytes)) more = this.link.write(record);
    return more;
  }

  cork(): void {
    this.link.cork?.();
  }

  uncork(): void {
    this.link.uncork?.();
  }

  pause(): void {
    this.link.pause();
  }

  resume(): void {
    this.link.resume();
  }

  end(): void {
    this.link.end();
  }

  destroy(): void {
    this.link.destroy();
  }

  /** Bytes as the reader is to see them; also for those that came together with the opening. */
  data(bytes: Uint8Array): void {
    if (this.#reader === undefined) {
      this.#unread = [...this.#unread, bytes];
      return;
    }
    if (this.#recordReader === undefined) {
      this.#reader.data(bytes);
      return;
    }
    try {
      this.#recordReader.feed(bytes, (plain) => this.#reader?.data(plain));
    } catch (error) {
      this.#reader?.failed(asBusError(error, 'ERR_PROTOCOL'));
    }
  }

  drain(): void {
    this.#reader?.drain();
  }

  close(error?: Error): void {
    this.#closed = { error };
    for (const stream of this.#streams) stream.close();
    this.#streams = none;
    this.#reader?.close(error);
  }
}
