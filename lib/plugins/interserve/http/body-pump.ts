import type { IncomingMessage } from 'node:http';
import type { Transform, Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import * as zlib from 'node:zlib';
import type { Clock } from '../../../base/clock.ts';
import { codeOf } from '../../../base/thrown.ts';
import { TokenBucket } from '../../../base/flow-control.ts';
import { sleep } from '../../../base/wait.ts';
import { transferError } from '../outcomes.ts';
import { type Payload, Scratch } from '../payload/payload.ts';

/** Content encodings that the platform has, best first. */
export type Encoding = 'zstd' | 'br' | 'gzip';

/** Read at once. Less costs throughput, because each file read is a round trip to another thread; more delays the bus. */
const portion = 128 * 1024;
/** Smaller payloads cost more to compress than that saves. */
const leastToCompress = 1024;
/** Brotli's default level is for files that are compressed once; this one keeps up with a disk. */
const brotliLevel = 4;
/**
 * Handled in one turn of the event loop, about one read of a socket, so that the bus has turns in between. It also lets
 * handled chunks be collected before many more come.
 */
const turnBytes = 64 * 1024;

/** zstd came with Node 22.15, after the types this is compiled against. */
interface Zstd {
  createZstdCompress?: () => Transform;
  createZstdDecompress?: () => Transform;
}
const zstd: Zstd = zlib as object;

export const encodings: readonly Encoding[] = [
  ...(zstd.createZstdCompress === undefined ? [] : (['zstd'] as const)),
  'br',
  'gzip',
];

/** The value of Accept-Encoding for the encodings this platform decodes. */
export const acceptEncoding = encodings.join(', ');

/** The best encoding that an Accept-Encoding header names without refusing it. */
export function negotiate(accept: string | undefined): Encoding | undefined {
  if (accept === undefined) return undefined;
  const taken = new Set<string>();
  for (const part of accept.toLowerCase().split(',', 32)) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim());
    if (!parameters.some((text) => /^q=0(\.0*)?$/.test(text))) taken.add(name);
  }
  return encodings.find((encoding) => taken.has(encoding));
}

/** The encoding for a payload, where a compressor is worth it. */
export function encodingFor(payload: Payload, accept: string | undefined): Encoding | undefined {
  return (payload.size ?? Infinity) >= leastToCompress ? negotiate(accept) : undefined;
}

/** The Content-Encoding of a message, undefined for none. Throws `encoding` for one this platform cannot decode. */
export function encodingOf({ headers }: IncomingMessage): Encoding | undefined {
  const name = headers['content-encoding']?.toLowerCase() ?? 'identity';
  if (name === 'identity') return undefined;
  const encoding = encodings.find((known) => known === name);
  if (encoding === undefined) throw transferError('encoding');
  return encoding;
}

export function encoder(encoding: Encoding): Transform {
  if (encoding === 'gzip') return zlib.createGzip({ level: 1 });
  if (encoding === 'br') {
    return zlib.createBrotliCompress({ params: { [zlib.constants.BROTLI_PARAM_QUALITY]: brotliLevel } });
  }
  return made(zstd.createZstdCompress);
}

export function decoder(encoding: Encoding): Transform {
  if (encoding === 'gzip') return zlib.createGunzip();
  if (encoding === 'br') return zlib.createBrotliDecompress();
  return made(zstd.createZstdDecompress);
}

function made(create: (() => Transform) | undefined): Transform {
  if (create === undefined) throw new RangeError('This platform has no zstd');
  return create();
}

/** The rate limit over all bodies of one peer, with a hundredth of a second's worth in one burst. */
export class ByteRate {
  /** The most to pass to `take` at once. */
  readonly portion: number;
  readonly #clock: Clock;
  readonly #bucket: TokenBucket | undefined;

  /** `bytesPerSecond` 0 means no limit. */
  constructor(clock: Clock, bytesPerSecond: number) {
    const burst = bytesPerSecond / 100;
    this.portion = bytesPerSecond === 0 ? Infinity : Math.max(1024, Math.floor(burst));
    this.#clock = clock;
    this.#bucket = bytesPerSecond === 0 ? undefined : new TokenBucket(bytesPerSecond, burst, clock.now());
  }

  /** Accounts for `bytes`. Returns a promise that resolves when they may move, undefined where they may at once. */
  take(bytes: number): Promise<void> | undefined {
    const waitMs = this.#bucket?.take(bytes, this.#clock.now()) ?? 0;
    return waitMs === 0 ? undefined : sleep(this.#clock, waitMs, undefined, true);
  }
}

export interface BodyOptions {
  readonly start: number;
  /** Undefined: to the payload's own end. */
  readonly end: number | undefined;
  readonly encoding: Encoding | undefined;
  readonly rate?: ByteRate | undefined;
  /** Called as bytes leave, with the position reached. */
  moved(position: number): void;
  /** Called once when the last byte was read, before it left. */
  lastRead?(): void;
  /** Runs when all bytes left, before the end is written. */
  beforeEnd?(): Promise<void>;
}

/**
 * Writes a part of the payload into `out`, encoded if asked, and ends `out`. Resolves when everything has left; rejects when
 * `out` closes before, or the payload turns out shorter than announced.
 */
export async function sendBody(payload: Payload, out: Writable, options: BodyOptions): Promise<void> {
  const { encoding, beforeEnd } = options;
  const body = encoding === undefined ? out : encoded(out, encoding);
  await pump(payload, body, options);
  await beforeEnd?.();
  const finished = untilFinished(out);
  body.end();
  await finished;
}

function encoded(out: Writable, encoding: Encoding): Transform {
  const compressor = encoder(encoding);
  compressor.on('error', () => out.destroy());
  out.once('close', () => compressor.destroy());
  compressor.pipe(out);
  return compressor;
}

/** Reads one portion while the previous one leaves. */
async function pump(
  payload: Payload,
  out: Writable,
  { start, end, rate, moved, lastRead }: BodyOptions,
): Promise<void> {
  const scratches = [new Scratch(), new Scratch()] as const;
  const flushed: [Promise<void>, Promise<void>] = [Promise.resolve(), Promise.resolve()];
  const largest = Math.min(portion, rate?.portion ?? portion);
  let turn: 0 | 1 = 0;
  let position = start;
  while (end === undefined || position < end) {
    await flushed[turn];
    const length = Math.min(largest, (end ?? Infinity) - position);
    const reading = payload.read(position, length, scratches[turn]);
    const bytes = await (payload.size === undefined ? untilClosed(out, reading) : reading);
    if (bytes.length === 0) {
      if (end === undefined) break;
      throw transferError('mismatch', 'The content shrank while it was sent');
    }
    payload.fingerprint.feed(position, bytes);
    await rate?.take(bytes.length);
    const reached = position + bytes.length;
    flushed[turn] = write(out, bytes).then(() => moved(reached));
    flushed[turn].catch(() => {});
    position = reached;
    turn = turn === 0 ? 1 : 0;
  }
  lastRead?.();
  await Promise.all(flushed);
}

function write(out: Writable, bytes: Uint8Array): Promise<void> {
  return untilClosed(
    out,
    new Promise((resolve, reject) => {
      out.write(bytes, (error) => (error ? reject(transferError('unreachable', error.message, error)) : resolve()));
    }),
  );
}

/**
 * Passes the decoded body to `take` chunk by chunk, each after the previous one settled. Resolves with true when the message is
 * complete, false when its connection broke before. Rejects with `malformed` for a body that cannot be decoded, with the
 * connection still open for an answer, and as `take` does.
 */
export async function receiveBody(
  message: IncomingMessage,
  encoding: Encoding | undefined,
  take: (bytes: Uint8Array) => Promise<void> | undefined,
): Promise<boolean> {
  const body = encoding === undefined ? message : decoded(message, encoding);
  const chunks: AsyncIterator<Uint8Array> = body[Symbol.asyncIterator]();
  let turn = 0;
  for (;;) {
    let next: IteratorResult<Uint8Array>;
    try {
      next = await chunks.next();
    } catch (error) {
      if (isBreak(error)) return false;
      throw transferError('malformed', 'The body cannot be decoded', error);
    }
    if (next.done === true) return message.complete;
    await take(next.value);
    turn += next.value.length;
    if (turn < turnBytes) continue;
    turn = 0;
    await setImmediate();
  }
}

function decoded(message: IncomingMessage, encoding: Encoding): Transform {
  const body = decoder(encoding);
  message.once('error', (error) => body.destroy(error));
  message.once('close', () => {
    if (!message.complete) body.destroy(transferError('unreachable'));
  });
  return message.pipe(body);
}

/** Whether a body ended because its connection did. */
function isBreak(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ECONNRESET' || code === 'ERR_CONNECT' || code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'EPIPE';
}

/**
 * Settles as `promise` does, or rejects `unreachable` as soon as `out` closes: a source may stay silent, and the callback of
 * a write may never come.
 */
export function untilClosed<T>(out: Writable, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const closed = () => reject(transferError('unreachable', 'The connection closed'));
    if (out.destroyed) closed();
    else out.once('close', closed);
    promise.then(resolve, reject).finally(() => out.off('close', closed));
  });
}

/** Resolves when everything written to `out` has left; rejects `unreachable` when it is closed before. */
function untilFinished(out: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    const closed = () => reject(transferError('unreachable', 'The connection closed'));
    if (out.destroyed) closed();
    out.once('close', closed);
    // `close` follows within the same turn, before anything that awaits another promise is told.
    out.once('finish', () => {
      out.off('close', closed);
      resolve();
    });
  });
}
