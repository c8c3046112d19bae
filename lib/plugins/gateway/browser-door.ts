import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { resolveOptions } from '../../base/options.ts';
import { HttpListener } from '../../transport/http-listener.ts';
import { refuseUpgrade } from '../../transport/websocket-handshake.ts';
import type { PluginHost } from '../../bus/plugin.ts';
import type { BrowserDoorOptions, BrowserDoorSettings } from './browser-options.ts';
import { browserDoorOptions } from './browser-options.ts';
import { farewellMs, listenerOptions } from './event-options.ts';
import { refuse } from './refusal.ts';
import { UpgradeGate } from './upgrade-gate.ts';
import { Upgrader } from './upgrader.ts';
import { WebSocketLink } from './websocket-link.ts';

/** Where web pages come in as clients of the bus: each WebSocket is a link of the server. */
export class BrowserDoor {
  readonly #host: PluginHost;
  readonly #settings: BrowserDoorSettings;
  readonly #gate: UpgradeGate;
  readonly #links = new Set<WebSocketLink>();
  #listener: HttpListener | undefined;
  #port: number | undefined;

  constructor(host: PluginHost, options: BrowserDoorOptions) {
    const settings = resolveOptions('browser', browserDoorOptions, { tls: host.tls, ...options });
    this.#host = host;
    this.#settings = settings;
    const upgrader = new Upgrader({
      maxMessageBytes: settings.maxMessageBytes,
      perMessageDeflate: settings.compression && { threshold: 1024 },
    });
    this.#gate = new UpgradeGate(settings, upgrader, host.clock, (error) => host.report(error));
  }

  /** The bound port while it is open. */
  get port(): number | undefined {
    return this.#port;
  }

  /** Rejects `ERR_ADDRESS_IN_USE` or `ERR_LISTEN`. */
  async open(): Promise<void> {
    if (this.#listener !== undefined) return;
    const { clock } = this.#host;
    const { headersTimeoutMs, host, port } = this.#settings;
    const settings = { ...this.#settings, clock, idleTimeoutMs: headersTimeoutMs };
    const listener = new HttpListener(listenerOptions('browser', settings), {
      request: (request, response) => refuse(request, response, 426, clock, true),
      upgrade: (request, socket, head) => this.#upgrade(request, socket, head),
      error: (error) => this.#host.report(error),
    });
    this.#listener = listener;
    try {
      this.#port = await listener.listen({ host, port });
    } catch (error) {
      this.#listener = undefined;
      throw error;
    }
  }

  /** Lets nobody in any more, and ends the links that stand. */
  async close(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    this.#port = undefined;
    if (listener === undefined) return;
    const closed = listener.close(farewellMs);
    for (const link of this.#links) link.end();
    await closed;
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    if (request.rawHeaders.length > this.#settings.maxHeaders * 2) return refuseUpgrade(socket, 431, this.#host.clock);
    void this.#gate.pass(request, socket, head, (ws, { remoteAddress }) => {
      const link = new WebSocketLink(ws, remoteAddress, this.#settings, this.#host.clock);
      this.#links.add(link);
      ws.once('close', () => this.#links.delete(link));
      try {
        this.#host.acceptLink(link);
      } catch {
        // The server does not listen yet, or not any more: the page comes back.
        link.destroy();
      }
    });
  }
}
