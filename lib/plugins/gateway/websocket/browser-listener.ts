import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { resolveOptions } from '../../../base/options.ts';
import type { PluginHost } from '../../../bus/plugin.ts';
import {
  type BrowserListenerOptions,
  browserListenerOptions,
  type BrowserListenerSettings,
} from '../server-options.ts';
import { ServerPort } from '../server-port.ts';
import { UpgradeHandler } from './upgrade-handler.ts';
import { WebSocketLink } from './websocket-link.ts';

/** Accepts web pages as clients of the bus: each WebSocket is a link of the server. */
export class BrowserListener {
  readonly #host: PluginHost;
  readonly #settings: BrowserListenerSettings;
  readonly #upgrades: UpgradeHandler;
  readonly #links = new Set<WebSocketLink>();
  readonly #port: ServerPort;

  /** @internal */
  constructor(host: PluginHost, options: BrowserListenerOptions) {
    const settings = resolveOptions('browser', browserListenerOptions, { tls: host.tls, ...options });
    const { clock } = host;
    const report = (error: unknown): void => host.report(error);
    this.#host = host;
    this.#settings = settings;
    this.#upgrades = new UpgradeHandler({
      settings,
      clock,
      maxMessageBytes: settings.maxMessageBytes,
      perMessageDeflate: settings.compression && { threshold: 1024 },
      report,
    });
    this.#port = new ServerPort(
      { ...settings, name: 'browser', clock, idleTimeoutMs: settings.headersTimeoutMs },
      { upgrade: (request, socket, head) => this.#upgrade(request, socket, head), error: report },
    );
  }

  /** The bound port while it is open. */
  get port(): number | undefined {
    return this.#port.number;
  }

  /** Rejects with `ERR_ADDRESS_IN_USE` or `ERR_LISTEN`. */
  async open(): Promise<void> {
    if (!this.#port.inUse) await this.#port.open(this.#settings.port);
  }

  /** Stops accepting and ends the open links. */
  async close(): Promise<void> {
    const closed = this.#port.close();
    for (const link of this.#links) link.end();
    await closed;
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    void this.#upgrades.upgrade(request, socket, head, (ws, { remoteAddress }) => {
      const link = new WebSocketLink(ws, remoteAddress, this.#settings, this.#host.clock);
      this.#links.add(link);
      ws.once('close', () => this.#links.delete(link));
      try {
        this.#host.acceptLink(link);
      } catch {
        // The server does not listen yet, or no longer: the page tries again.
        link.destroy();
      }
    });
  }
}
