import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Clock, Timer } from '../../base/clock.ts';
import { asBusError, BusError } from '../../base/errors.ts';
import { permits, refusalError } from '../../base/permission.ts';
import type { BugReport } from '../../bus/plugin.ts';
import { fitsOrigins } from '../../transport/origins.ts';
import { handshakeFault, hostsOf } from '../../transport/websocket-handshake.ts';
import type { Certificates } from './certificates.ts';
import type { Counters } from './counters.ts';
import type { Protocol } from './device.ts';
import type { PortRequest } from './driver.ts';
import { HttpAnswers, originOf, responseOn } from './http-answers.ts';
import type { Log } from './log.ts';
import type { DispatchSettings } from './options.ts';
import type { Ports } from './ports.ts';
import { bad, type DriverQuery, readDriverQuery, type Refusal } from './query.ts';
import { type Route, routeOf } from './routes.ts';
import { SeldomLog } from './seldom-log.ts';
import type { TokenGate } from './token-gate.ts';
import { version } from './version.ts';
import { WebDriver } from './web-driver.ts';

export interface WebFaceOptions {
  readonly settings: DispatchSettings;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly log: Log;
  readonly gate: TokenGate;
  readonly certificates: Certificates;
  readonly ports: Ports;
  readonly metrics: () => Promise<string>;
  /** Hears of an `allow` that failed by mistake. */
  readonly report: BugReport;
}

const upgradeNeeded = 'This service requires use of the WebSocket protocol';
/** Connections besides the drivers': requests for pages, and those that never say what they want. */
const spareConnections = 4_096;

/** The HTTP server that drivers open their WebSockets at, with its pages. Who may not in is told so before the upgrade. */
export class WebFace {
  readonly #options: WebFaceOptions;
  readonly #server: Server;
  readonly #webSockets: WebSocketServer;
  readonly #drivers = new Set<WebDriver>();
  readonly #answers: HttpAnswers;
  #expected = 0;
  #heartbeat: Timer | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(options: WebFaceOptions) {
    const { handshakeTimeoutMs, maxDrivers, maxMessageBytes } = options.settings;
    this.#options = options;
    this.#answers = new HttpAnswers(options.counters, new SeldomLog(options.log, options.clock), options.clock);
    this.#webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: maxMessageBytes });
    this.#server = createServer(
      {
        headersTimeout: handshakeTimeoutMs,
        requestTimeout: handshakeTimeoutMs,
        connectionsCheckingInterval: Math.min(1_000, handshakeTimeoutMs),
        // A certificate may travel in the query.
        maxHeaderSize: 32_768,
        noDelay: true,
      },
      (request, response) => void this.#onRequest(request, response),
    );
    this.#server.maxConnections = maxDrivers + spareConnections;
    this.#server.on('upgrade', (request, stream: Duplex, head) => void this.#onUpgrade(request, stream, head));
    this.#webSockets.on('headers', (headers, request) => headers.push(`X-Request-ID: ${this.#answers.idOf(request)}`));
  }

  get port(): number | undefined {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : undefined;
  }

  get drivers(): number {
    return this.#drivers.size;
  }

  /** @throws BusError `ERR_ADDRESS_IN_USE` or `ERR_LISTEN`, with the system's error as its cause. */
  async start(): Promise<void> {
    const { settings, log, clock } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        const code = error.code === 'EADDRINUSE' ? 'ERR_ADDRESS_IN_USE' : 'ERR_LISTEN';
        reject(
          new BusError(code, `dispatch cannot listen on ${settings.host}:${settings.port}: ${error.message}`, {
            cause: error,
          }),
        );
      });
      this.#server.listen({ port: settings.port, host: settings.host, backlog: 4_096, exclusive: true }, resolve);
    });
    this.#server.removeAllListeners('error');
    this.#server.on('error', (error) => log({ level: 'warn', event: 'listen_failed', error: error.message }));
    log({ level: 'info', event: 'listening', host: settings.host, port: this.port });
    const beat = (): void => {
      for (const driver of this.#drivers) driver.beat();
      this.#heartbeat = clock.setTimer(beat, settings.heartbeatMs, true);
    };
    this.#heartbeat = clock.setTimer(beat, settings.heartbeatMs, true);
  }

  /** Takes nobody new, closes the WebSockets with 1001, and ends those that do not answer to that within the time given. */
  async close(timeoutMs: number): Promise<void> {
    this.#heartbeat?.cancel();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const driver of this.#drivers) driver.close(1001, 'the dispatcher is closing');
    const timer = this.#options.clock.setTimer(() => {
      for (const driver of this.#drivers) driver.terminate();
    }, timeoutMs);
    if (this.#drivers.size > 0) await new Promise<void>((resolve) => (this.#onEmpty = resolve));
    timer.cancel();
    this.#server.closeAllConnections();
    await closed;
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = this.#examine(request);
    if ('status' in target) return this.#answers.refuse(request, response, target);
    const { route } = target;
    switch (route.kind) {
      case 'healthz':
        return this.#answers.give(request, response, 200, 'text/plain', 'ok\n');
      case 'version':
        return this.#answers.give(
          request,
          response,
          200,
          'application/json',
          JSON.stringify({ service: 'busbar-dispatch', version }),
        );
      case 'statistics':
        return this.#answers.give(
          request,
          response,
          200,
          'application/json',
          JSON.stringify(this.#options.ports.statistics()),
        );
      case 'metrics':
        return this.#answers.give(request, response, 200, 'text/plain; version=0.0.4', await this.#options.metrics());
      case 'dispatch':
        response.setHeader('Upgrade', 'websocket');
        return this.#answers.refuse(request, response, { status: 426, error: upgradeNeeded });
    }
  }

  async #onUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> {
    stream.on('error', () => stream.destroy());
    const target = this.#examine(request);
    if ('status' in target || target.route.kind !== 'dispatch' || !asksForWebSocket(request)) {
      return void this.#onRequest(request, responseOn(stream, request, this.#options.clock));
    }
    const { protocol } = target.route;
    const refuse = (refusal: Refusal): void =>
      this.#answers.refuse(request, responseOn(stream, request, this.#options.clock), refusal);
    const fault = this.#faultOf(request);
    if (fault !== undefined) return refuse(fault);
    const wish = this.#wish(protocol, target.query);
    if ('status' in wish) return refuse(wish);
    // Whoever waits for `allow`, or for the port, holds a place already.
    if (this.#drivers.size + this.#expected >= this.#options.settings.maxDrivers) {
      return refuse({ status: 503, error: 'too many drivers' });
    }
    this.#expected += 1;
    const opened = await this.#open(request, wish);
    this.#expected -= 1;
    if ('status' in opened) return refuse(opened);
    if (this.#server.listening) this.#upgrade(request, stream, head, opened, wish);
    else stream.destroy();
    // Where there is no WebSocket nobody is there for the port.
    if (!this.#drivers.has(opened)) opened.release();
  }

  /** A driver who may have the port, and has it if it could be opened. */
  async #open(request: IncomingMessage, wish: PortRequest): Promise<WebDriver | Refusal> {
    const refusal = await this.#askAllow(wish);
    if (refusal !== undefined) return refusal;
    const { clock, counters, log, ports, settings } = this.#options;
    const { maxBufferedBytes } = settings;
    const driver = new WebDriver(wish, { name: this.#answers.idOf(request), clock, counters, log, maxBufferedBytes });
    await driver.open(ports);
    return driver;
  }

  #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer, driver: WebDriver, wish: PortRequest): void {
    this.#webSockets.handleUpgrade(request, stream, head, (socket) => {
      const { log } = this.#options;
      const about = { driver: driver.name, protocol: wish.protocol, port: wish.port, ...originOf(request) };
      log({ level: 'info', event: 'driver_opened', ...about, accept: wish.accept.entries });
      this.#drivers.add(driver);
      socket.on('close', (code) => {
        this.#drivers.delete(driver);
        log({ level: 'info', event: 'driver_closed', ...about, code });
        if (this.#drivers.size === 0) this.#onEmpty?.();
      });
      driver.attach(socket, stream);
    });
  }

  #faultOf(request: IncomingMessage): Refusal | undefined {
    if (fitsOrigins(request, this.#options.settings.origins)) return handshakeFault(request);
    return { status: 403, error: 'pages of this origin are not let in' };
  }

  /** Who asks, then for what: nothing but the two open pages is shown to those without the token. */
  #examine(request: IncomingMessage): { readonly route: Route; readonly query: URLSearchParams } | Refusal {
    const [path = '', ...query] = (request.url ?? '').split('?');
    const parameters = new URLSearchParams(query.join('?'));
    const route = routeOf(path);
    if (route?.kind !== 'healthz' && route?.kind !== 'version' && !this.#options.gate.admits(request, parameters)) {
      return { status: 401, error: 'a valid token is needed' };
    }
    if (hostsOf(request) > 1) return { status: 400, error: 'one Host is needed' };
    if (route === undefined) return { status: 404, error: 'there is nothing here' };
    if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405, error: 'only GET is taken' };
    return { route, query: parameters };
  }

  #wish(protocol: Protocol, parameters: URLSearchParams): PortRequest | Refusal {
    const query = readDriverQuery(protocol, parameters);
    if ('status' in query) return query;
    const { port, accept, multicast } = query;
    if (protocol !== 'tls') return { protocol, port, accept, multicast };
    try {
      return { protocol, port, accept, secureContext: this.#secureContext(query) };
    } catch (error) {
      return bad(
        'private_key',
        asBusError(error, 'ERR_INVALID_ARGUMENT').message,
        'a PEM key, with the certificate it belongs to',
      );
    }
  }

  #secureContext({ privateKey, certificate }: DriverQuery): PortRequest['secureContext'] {
    const { certificates } = this.#options;
    return privateKey === undefined ? certificates.shared() : certificates.own(privateKey, certificate);
  }

  async #askAllow({ protocol, port, accept }: PortRequest): Promise<Refusal | undefined> {
    const { clock, settings } = this.#options;
    const { allow, handshakeTimeoutMs } = settings;
    if (allow === undefined) return undefined;
    const ask = (): unknown => allow(undefined, { protocol, port, accept: accept.entries });
    try {
      if (await permits(ask, clock, handshakeTimeoutMs)) return undefined;
      return { status: 403, error: 'this port is not allowed' };
    } catch (error) {
      const { code, message } = error instanceof BusError ? error : refusalError(error, this.#options.report);
      return { status: code === 'ERR_UNAVAILABLE' ? 503 : 403, error: message };
    }
  }
}

function asksForWebSocket(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === 'websocket';
}
