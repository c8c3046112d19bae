import { BusError } from '../../base/errors.ts';
import { type ClientHello, asClientHello } from './hello.ts';
import { packetType } from '../net-ipc/packet.ts';
import {
  HandshakeBuffer,
  type HandshakeLimits,
  defaultHandshakeBytes,
  defaultHandshakeDepth,
  plainPacket,
  readPlainPacket,
} from './packet.ts';
import { asksForLink, headEnd, upgradeAnswer } from './upgrade.ts';

export type ServerHandshakeStep =
  /** To be written at once; the hello follows. */
  | { readonly type: 'write'; readonly bytes: Uint8Array }
  /** The client said who it is; `rest` are the bytes after it, which wait until it is authorized. */
  | { readonly type: 'hello'; readonly hello: ClientHello; readonly rest: Uint8Array }
  /** The client answered what `ask` asked. */
  | { readonly type: 'answer'; readonly answer: unknown; readonly rest: Uint8Array }
  /** An HTTP request that asks for something else, from its first byte; answer `teapot()` where nobody wants it. */
  | { readonly type: 'http'; readonly bytes: Uint8Array };

type Phase = 'first-bytes' | 'http-head' | 'hello' | 'answer' | 'done';

const initTag = [0x49, 0x50, 0x43];
const bareStart = [0x7b, 0x22, 0x74, 0x22, 0x3a, 0x30];
const httpMethods = ['GET ', 'POST ', 'PUT ', 'HEAD ', 'DELETE ', 'OPTIONS ', 'PATCH ', 'CONNECT ', 'TRACE '].map(
  (method) => Array.from(method, (letter) => letter.charCodeAt(0)),
);

/**
 * The server's side of how a link opens: net-ipc 2.x with its `IPC` tag or its HTTP upgrade, and net-ipc 1.x, which begins
 * with the CONNECTION packet. Knows bytes only; deadlines are its owner's.
 */
export class ServerHandshake {
  readonly #buffer: HandshakeBuffer;
  readonly #maxBytes: number;
  readonly #maxDepth: number;
  #phase: Phase = 'first-bytes';
  #seen = 0;

  constructor(limits: HandshakeLimits = {}) {
    this.#maxBytes = limits.maxBytes ?? defaultHandshakeBytes;
    this.#maxDepth = limits.maxDepth ?? defaultHandshakeDepth;
    this.#buffer = new HandshakeBuffer(this.#maxBytes);
  }

  /** To be written after `hello`: has the client say which user it is. An `answer` is read next. */
  ask(question: unknown): Uint8Array {
    this.#buffer.skip(this.#buffer.bytes.length);
    this.#phase = 'answer';
    return plainPacket(packetType.challenge, question);
  }

  /**
   * Takes what the client sent and tells what follows from it; none while it is not enough. After `hello`, `answer` and `http`
   * this is done with. Throws `ERR_PROTOCOL` for bytes no client sends and `ERR_TOO_LARGE` past the limit.
   */
  feed(bytes: Uint8Array): ServerHandshakeStep[] {
    this.#buffer.push(bytes);
    const steps: ServerHandshakeStep[] = [];
    if (this.#phase === 'first-bytes') this.#readFirstBytes(steps);
    if (this.#phase === 'http-head') this.#readHead(steps);
    if (this.#phase === 'hello') this.#readHello(steps);
    else if (this.#phase === 'answer') this.#readAnswer(steps);
    return steps;
  }

  #readFirstBytes(steps: ServerHandshakeStep[]): void {
    const held = this.#buffer.bytes;
    const tagged = startsWith(held, 0, initTag);
    if (tagged === 'yes') {
      this.#buffer.skip(initTag.length);
      this.#phase = 'hello';
      return;
    }
    for (const method of httpMethods) {
      const match = startsWith(held, 0, method);
      if (match === 'no') continue;
      if (match === 'part') return;
      if (method[0] === 0x47) this.#phase = 'http-head';
      else this.#handOver(steps);
      return;
    }
    if (tagged === 'part') return;
    const bare = this.#bare(held);
    if (bare === 'no') throw new BusError('ERR_PROTOCOL', 'The link does not begin like a known protocol');
    if (bare === 'yes') this.#phase = 'hello';
  }

  /** Whether this is a net-ipc 1.x client, whose first bytes are a length and the CONNECTION packet. */
  #bare(held: Uint8Array): Match {
    const width = held.findIndex((byte) => byte > 0x7f) + 1;
    const first = held[0] ?? 0;
    // The tag of a hello that anybody takes has three bytes at most, and then does not begin with a letter.
    if (width > 3 || (width !== 1 && width !== 2 && held.length > 1 && first > 7)) return 'no';
    if (width === 0) return held.length < 3 ? 'part' : 'no';
    return startsWith(held, width, bareStart);
  }

  #readHead(steps: ServerHandshakeStep[]): void {
    const held = this.#buffer.bytes;
    const end = headEnd(held, this.#seen - 3);
    this.#seen = held.length;
    if (end < 0) return;
    if (!asksForLink(held.subarray(0, end))) {
      this.#handOver(steps);
      return;
    }
    this.#buffer.skip(end);
    this.#phase = 'hello';
    steps.push({ type: 'write', bytes: upgradeAnswer() });
  }

  #handOver(steps: ServerHandshakeStep[]): void {
    this.#phase = 'done';
    steps.push({ type: 'http', bytes: this.#buffer.bytes });
  }

  #readHello(steps: ServerHandshakeStep[]): void {
    const packet = this.#packet(packetType.connection);
    if (packet !== undefined) steps.push({ type: 'hello', hello: asClientHello(packet.data), rest: packet.rest });
  }

  #readAnswer(steps: ServerHandshakeStep[]): void {
    const packet = this.#packet(packetType.challenge);
    if (packet !== undefined) steps.push({ type: 'answer', answer: packet.data, rest: packet.rest });
  }

  /** The packet that is due, if it is all there. */
  #packet(type: number): { readonly data: unknown; readonly rest: Uint8Array } | undefined {
    const held = this.#buffer.bytes;
    const packet = readPlainPacket(held, 0, this.#maxBytes, this.#maxDepth);
    if (packet === undefined) return undefined;
    if (packet.type !== type) {
      throw new BusError('ERR_PROTOCOL', `The client opened with a packet of type ${packet.type}`);
    }
    this.#phase = 'done';
    return { data: packet.data, rest: held.subarray(packet.end) };
  }
}

type Match = 'yes' | 'part' | 'no';

function startsWith(bytes: Uint8Array, at: number, expected: readonly number[]): Match {
  for (let index = 0; index < expected.length; index++) {
    const byte = bytes[at + index];
    if (byte === undefined) return 'part';
    if (byte !== expected[index]) return 'no';
  }
  return 'yes';
}
