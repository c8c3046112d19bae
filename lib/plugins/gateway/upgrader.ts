import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type PerMessageDeflateOptions, type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import { knownOffers } from './deflate-offers.ts';

export interface UpgraderOptions extends Pick<ServerOptions, 'autoPong' | 'handleProtocols'> {
  /** The largest message; who gets one where compression is used has to look at its length again. */
  readonly maxMessageBytes: number;
  readonly perMessageDeflate: PerMessageDeflateOptions | false;
}

/** What a deflated message may be longer than itself, if it does not compress: the heads of its blocks. */
const blockHeads = 1 / 64;
const leastBytes = 64;

/** Makes WebSockets of requests that may become one, with compression where both ends can. */
export class Upgrader {
  readonly #plain: WebSocketServer;
  readonly #deflating: WebSocketServer | undefined;

  constructor({ maxMessageBytes, perMessageDeflate, ...more }: UpgraderOptions) {
    const common = { ...more, noServer: true, clientTracking: false };
    this.#plain = new WebSocketServer({ ...common, maxPayload: maxMessageBytes, perMessageDeflate: false });
    if (perMessageDeflate === false) return;
    // What is counted there is what travels, and not the message alone.
    const maxPayload = maxMessageBytes + Math.ceil(maxMessageBytes * blockHeads) + leastBytes;
    this.#deflating = new WebSocketServer({ ...common, maxPayload, perMessageDeflate });
  }

  upgrade(request: IncomingMessage, socket: Socket, head: Buffer, done: (open: WebSocket) => void): void {
    const offered = request.headers['sec-websocket-extensions'];
    const offers = offered === undefined ? undefined : knownOffers(offered);
    request.headers['sec-websocket-extensions'] = offers;
    const server = offers === undefined ? this.#plain : (this.#deflating ?? this.#plain);
    server.handleUpgrade(request, socket, head, done);
  }
}
