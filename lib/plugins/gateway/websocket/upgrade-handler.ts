import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type PerMessageDeflateOptions, type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import type { Clock } from '../../../base/clock.ts';
import type { Resolved } from '../../../base/options.ts';
import { permits, refusalError } from '../../../base/permission.ts';
import { fitsOrigins } from '../../../transport/origins.ts';
import { handshakeFault, maxFragments, refuseUpgrade } from '../../../transport/websocket-handshake.ts';
import { type UpgradeDetails, upgradeDetails } from '../request-details.ts';
import type { upgradeOptions } from '../server-options.ts';

export interface UpgradeSettings extends Resolved<typeof upgradeOptions> {
  readonly maxHeaders: number;
}

export interface UpgradeHandlerOptions extends Pick<ServerOptions, 'autoPong' | 'handleProtocols'> {
  readonly settings: UpgradeSettings;
  readonly clock: Clock;
  /** The largest message. With compression its reader has to check the length again. */
  readonly maxMessageBytes: number;
  readonly perMessageDeflate: PerMessageDeflateOptions | false;
  /** Reports an `authorize` that failed by mistake. */
  report(error: unknown): void;
}

/** How much longer a message may be deflated if it does not compress: the headers of its blocks. */
const blockHeads = 1 / 64;
const leastBytes = 64;

/** Upgrades requests to WebSockets, after checks of the handshake, path, origin and `authorize`, in this order. */
export class UpgradeHandler {
  readonly #options: UpgradeHandlerOptions;
  readonly #plain: WebSocketServer;
  readonly #deflating: WebSocketServer | undefined;
  /** How many were refused. */
  refused = 0;
  #pending = 0;

  constructor(options: UpgradeHandlerOptions) {
    const { maxMessageBytes, perMessageDeflate, autoPong = true, handleProtocols } = options;
    this.#options = options;
    const protocols = handleProtocols === undefined ? {} : { handleProtocols };
    const common = { autoPong, ...protocols, noServer: true, clientTracking: false, maxFragments };
    this.#plain = new WebSocketServer({ ...common, maxPayload: maxMessageBytes, perMessageDeflate: false });
    if (perMessageDeflate === false) return;
    // ws counts what travels, which is more than the message.
    const maxPayload = maxMessageBytes + Math.ceil(maxMessageBytes * blockHeads) + leastBytes;
    this.#deflating = new WebSocketServer({ ...common, maxPayload, perMessageDeflate });
  }

  /** Calls `admit` with the open socket, or answers 400, 401, 403, 404, 405, 426, 431 or 503. Never rejects. */
  async upgrade(
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    admit: (socket: WebSocket, details: UpgradeDetails) => void,
  ): Promise<void> {
    const { settings } = this.#options;
    const { path, origins, ownNames, authorize, maxPendingUpgrades, maxHeaders } = settings;
    const refuse = (code: number): void => this.refuse(socket, code);
    socket.on('error', ignore);
    if (request.rawHeaders.length > maxHeaders * 2) return refuse(431);
    const details = upgradeDetails(request);
    const fault = handshakeFault(request);
    if (fault !== undefined) return refuse(fault.status);
    if (path !== undefined && details.url !== path) return refuse(404);
    if (!fitsOrigins(request, origins, ownNames)) return refuse(403);
    if (authorize !== undefined) {
      if (this.#pending >= maxPendingUpgrades) return refuse(503);
      this.#pending += 1;
      const status = await this.#ask(() => authorize(details));
      this.#pending -= 1;
      if (status !== undefined) return refuse(status);
    }
    if (!socket.destroyed) this.#open(request, socket, head, (open) => admit(open, details));
  }

  refuse(socket: Socket, code: number): void {
    this.refused += 1;
    refuseUpgrade(socket, code, this.#options.clock);
  }

  /** The status of the refusal, if it is one. */
  async #ask(authorize: () => unknown): Promise<401 | 503 | undefined> {
    const { settings, clock, report } = this.#options;
    try {
      return (await permits(authorize, clock, settings.authorizeTimeoutMs)) ? undefined : 401;
    } catch (error) {
      return refusalError(error, report).code === 'ERR_UNAVAILABLE' ? 503 : 401;
    }
  }

  #open(request: IncomingMessage, socket: Socket, head: Buffer, done: (open: WebSocket) => void): void {
    const offered = request.headers['sec-websocket-extensions'];
    const offers = offered === undefined ? undefined : knownOffers(offered);
    request.headers['sec-websocket-extensions'] = offers;
    const server = offers === undefined ? this.#plain : (this.#deflating ?? this.#plain);
    server.handleUpgrade(request, socket, head, done);
  }
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const parameter = `${token}(?:[ \\t]*=[ \\t]*(?:${token}|"${token}"))?`;
const offer = `${token}(?:[ \\t]*;[ \\t]*${parameter})*`;
const list = new RegExp(`^[ \\t]*${offer}(?:[ \\t]*,[ \\t]*${offer})*[ \\t]*$`);

const windowBits = /^"?(?:[89]|1[0-5])"?$/;
/** The parameters of RFC 7692 and their values. */
const parameters: Readonly<Record<string, RegExp | undefined>> = {
  server_no_context_takeover: undefined,
  client_no_context_takeover: undefined,
  server_max_window_bits: windowBits,
  client_max_window_bits: windowBits,
};

/**
 * The offers in `Sec-WebSocket-Extensions` that can be accepted; undefined for none. Unknown ones are declined, and the
 * client gets its WebSocket without them. A malformed list is returned unchanged, to be refused.
 */
function knownOffers(offered: string): string | undefined {
  if (!list.test(offered)) return offered;
  return (
    offered
      .split(',')
      .filter(isKnown)
      .map((text) => text.trim())
      .join(', ') || undefined
  );
}

function isKnown(text: string): boolean {
  const [extension, ...given] = text.split(';').map((part) => part.trim());
  if (extension !== 'permessage-deflate') return false;
  const seen = new Set<string>();
  return given.every((each) => {
    const [name = '', value] = each.split('=').map((part) => part.trim());
    if (seen.has(name) || !Object.hasOwn(parameters, name)) return false;
    seen.add(name);
    const form = parameters[name];
    // A client may offer the parameter without a value.
    if (value === undefined) return form === undefined || name === 'client_max_window_bits';
    return form?.test(value) === true;
  });
}

function ignore(): void {}
