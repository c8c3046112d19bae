import { BusError } from '../../base/errors.ts';
import { type ClientHello, type ServerHello, asServerHello } from './hello.ts';
import { asRefusal, packetType, type Refusal } from '../net-ipc/packet.ts';
import {
  HandshakeBuffer,
  type HandshakeLimits,
  type PlainPacket,
  defaultHandshakeBytes,
  defaultHandshakeDepth,
  plainPacket,
  readPlainPacket,
} from './packet.ts';
import { refusalIn } from './refusal.ts';
import { headEnd, statusLine, upgradeRequest } from './upgrade.ts';

export interface ClientHandshakeOptions {
  readonly hello: ClientHello;
  /** Opens through an HTTP upgrade, for proxies. */
  readonly http?: { readonly host: string; readonly path: string } | false;
  readonly limits?: HandshakeLimits;
  /** Answers a server that asks which user this is; `done` says that it has looked. */
  readonly prove?: ((question: unknown) => { readonly answer: unknown; done(): void }) | undefined;
}

export type ClientHandshakeStep =
  /** To be written at once; the server's answer follows. */
  | { readonly type: 'write'; readonly bytes: Uint8Array }
  | { readonly type: 'open'; readonly hello: ServerHello; readonly rest: Uint8Array }
  | { readonly type: 'refused'; readonly refusal: Refusal };

/** The client's side of how a link opens. Knows bytes only; deadlines are its owner's. */
export class ClientHandshake {
  readonly #options: ClientHandshakeOptions;
  readonly #buffer: HandshakeBuffer;
  readonly #maxBytes: number;
  readonly #maxDepth: number;
  #upgrading: boolean;
  #seen = 0;
  #asked: { done(): void } | undefined;

  constructor(options: ClientHandshakeOptions) {
    this.#options = options;
    this.#maxBytes = options.limits?.maxBytes ?? defaultHandshakeBytes;
    this.#maxDepth = options.limits?.maxDepth ?? defaultHandshakeDepth;
    this.#buffer = new HandshakeBuffer(this.#maxBytes);
    this.#upgrading = options.http !== undefined && options.http !== false;
  }

  /** The first bytes of the link. Throws `ERR_UNENCODABLE` for a payload JSON does not take. */
  start(): Uint8Array {
    const { hello, http } = this.#options;
    if (http) return upgradeRequest(http.host, http.path);
    return plainPacket(packetType.connection, hello, 'IPC');
  }

  /**
   * Takes what the server sent; undefined while it is not enough. After `open` and `refused` this is done with. Throws
   * `ERR_PROTOCOL` for anything that is not an answer and `ERR_TOO_LARGE` past the limit.
   */
  feed(bytes: Uint8Array): ClientHandshakeStep | undefined {
    this.#buffer.push(bytes);
    if (this.#upgrading) return this.#readUpgrade();
    const packet = readPlainPacket(this.#buffer.bytes, 0, this.#maxBytes, this.#maxDepth);
    return packet && this.#settle(packet);
  }

  #readUpgrade(): ClientHandshakeStep | undefined {
    const held = this.#buffer.bytes;
    checkHttp(held);
    const end = headEnd(held, this.#seen - 3);
    this.#seen = held.length;
    if (end < 0) return undefined;
    this.#upgrading = false;
    this.#buffer.skip(end);
    if (this.#buffer.bytes.length > 0) {
      throw new BusError('ERR_PROTOCOL', 'The server sent data before the hello of the client');
    }
    return { type: 'write', bytes: plainPacket(packetType.connection, this.#options.hello) };
  }

  #settle(packet: PlainPacket): ClientHandshakeStep {
    this.#asked?.done();
    const { prove } = this.#options;
    if (packet.type === packetType.challenge && prove !== undefined && this.#asked === undefined) {
      this.#buffer.skip(packet.end);
      const proof = prove(packet.data);
      this.#asked = proof;
      return { type: 'write', bytes: plainPacket(packetType.challenge, proof.answer) };
    }
    if (packet.type === packetType.end) return { type: 'refused', refusal: asRefusal(packet.data) };
    if (packet.type !== packetType.connection) {
      throw new BusError('ERR_PROTOCOL', `The server opened with a packet of type ${packet.type}`);
    }
    const refusal = refusalIn(packet.data);
    if (refusal !== undefined) return { type: 'refused', refusal };
    const hello = asServerHello(packet.data, this.#options.hello);
    return { type: 'open', hello, rest: this.#buffer.bytes.subarray(packet.end) };
  }
}

const httpStart = 'HTTP/1.1 ';
const upgraded = '101';

/** A refusal is told as soon as its status is there: some servers, net-ipc's among them, never end the head of one. */
function checkHttp(held: Uint8Array): void {
  const start = statusLine(held);
  const status = start.slice(httpStart.length, httpStart.length + upgraded.length);
  if (!httpStart.startsWith(start.slice(0, httpStart.length))) {
    throw new BusError('ERR_PROTOCOL', 'The answer to the upgrade is not HTTP/1.1');
  }
  if (status.length === upgraded.length && status !== upgraded) {
    throw new BusError('ERR_PROTOCOL', `The server did not upgrade the connection: ${start}`);
  }
}
