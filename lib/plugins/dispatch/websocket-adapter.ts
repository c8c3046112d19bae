import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Clock } from '../../base/clock.ts';
import { asBusError, BusError } from '../../base/errors.ts';
import { permits, refusalError } from '../../base/permission.ts';
import type { PluginHost } from '../../bus/plugin.ts';
import { HttpListener } from '../../transport/http-listener.ts';
import { fitsOrigins } from '../../transport/origins.ts';
import { handshakeFault, hostsOf, maxFragments } from '../../transport/websocket-handshake.ts';
import type { Certificates } from './certificates.ts';
import { bad, type DriverQuery, readDriverQuery, type HttpRefusal, type Route, routeOf } from './driver-request.ts';
import type { PortRequest, Protocol } from './driver.ts';
import { HttpAnswers, originOf, responseOn } from './http-answers.ts';
import { type Log, RateLimitedLog } from './log.ts';
import type { Counters } from './metrics.ts';
import type { DispatchSettings } from './options.ts';
import type { Ports } from './ports.ts';
import type { TokenAuth } from './token-auth.ts';
import { version } from '../../base/version.ts';
import { WebSocketDriver } from './websocket-driver.ts';

export interface WebSocketAdapterOptions {
  readonly settings: DispatchSettings;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly log: Log;
  readonly auth: TokenAuth;
  readonly certificates: Certificates;
  readonly ports: Ports;
  readonly metrics: () => Promise<string>;
  /** Learns of an `allow` that failed by mistake. */
  readonly report: PluginHost['report'];
}

const upgradeNeeded = 'This service requires use of the WebSocket protocol';
/** Connections besides the drivers': requests for pages, and those that never say what they want. */
const spareConnections = 4_096;

/** The HTTP server that drivers open their WebSockets at, with its pages. A client that is refused is told so before the upgrade. */
export class WebSocketAdapter {
  readonly #options: WebSocketAdapterOptions;
  readonly #listener: HttpListener;
  readonly #webSockets: WebSocketServer;
  readonly #drivers = new Set<WebSocketDriver>();
  readonly #answers: HttpAnswers;
  #expected = 0;
  #onEmpty: (() => void) | undefined;

  constructor(options: WebSocketAdapterOptions) {
    const { clock, counters, log } = options;
    const { handshakeTimeoutMs, heartbeatMs, maxDrivers, maxMessageBytes } = options.settings;
    this.#options = options;
    this.#answers = new HttpAnswers(counters, new RateLimitedLog(log, clock), clock);
    const maxPayload = maxMessageBytes;
    this.#webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload, maxFragments });
    this.#listener = new HttpListener(
      {
        name: 'dispatch',
        clock,
        maxConnections: maxDrivers + spareConnections,
        // A certificate may travel in the query.
        maxHeaderBytes: 32_768,
        headersTimeoutMs: handshakeTimeoutMs,
        requestTimeoutMs: handshakeTimeoutMs,
        sweepMs: heartbeatMs,
      },
      {
        request: (request, response) => void this.#onRequest(request, response),
        upgrade: (request, socket, head) => void this.#onUpgrade(request, socket, head),
        sweep: () => {
          for (const driver of this.#drivers) driver.beat();
        },
        error: (error) => log({ level: 'warn', event: 'listen_failed', error: error.message }),
      },
    );
    this.#webSockets.on('headers', (headers, request) => headers.push(`X-Request-ID: ${this.#answers.idOf(request)}`));
  }

  get port(): number | undefined {
    return this.#listener.port;
  }

  get drivers(): number {
    return this.#drivers.size;
  }

  /** @throws BusError `ERR_ADDRESS_IN_USE` or `ERR_LISTEN`, with the system's error as its cause. */
  async start(): Promise<void> {
    const { settings, log } = this.#options;
    const { host, port = 0 } = settings;
    await this.#listener.listen({ host, port, backlog: 4_096 });
    log({ level: 'info', event: 'listening', host, port: this.port });
  }

  /** Takes nobody new, closes the WebSockets with 1001, and ends those that do not answer to that within the time given. */
  async close(timeoutMs: number): Promise<void> {
    const closed = this.#listener.close(timeoutMs);
    for (const driver of this.#drivers) driver.close(1001, 'The dispatcher is closing');
    const timer = this.#options.clock.setTimer(() => {
      for (const driver of this.#drivers) driver.terminate();
    }, timeoutMs);
    if (this.#drivers.size > 0) await new Promise<void>((resolve) => (this.#onEmpty = resolve));
    timer.cancel();
    // The others have had their time meanwhile.
    await Promise.all([closed, this.#listener.close()]);
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
    const refuse = (refusal: HttpRefusal): void =>
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
    if (this.port !== undefined) this.#upgrade(request, stream, head, opened, wish);
    else stream.destroy();
    // Where there is no WebSocket nobody is there for the port.
    if (!this.#drivers.has(opened)) opened.release();
  }

  /** A driver who may have the port, and has it if it could be opened. */
  async #open(request: IncomingMessage, wish: PortRequest): Promise<WebSocketDriver | HttpRefusal> {
    const refusal = await this.#askAllow(wish);
    if (refusal !== undefined) return refusal;
    const { clock, counters, log, ports, settings } = this.#options;
    const { maxBufferedBytes } = settings;
    const driver = new WebSocketDriver(wish, {
      name: this.#answers.idOf(request),
      clock,
      counters,
      log,
      maxBufferedBytes,
    });
    await driver.open(ports);
    return driver;
  }

  #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer, driver: WebSocketDriver, wish: PortRequest): void {
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

  #faultOf(request: IncomingMessage): HttpRefusal | undefined {
    if (fitsOrigins(request, this.#options.settings.origins)) return handshakeFault(request);
    return { status: 403, error: 'pages of this origin are not admitted' };
  }

  /** Who asks, then for what: nothing but the two open pages is shown to those without the token. */
  #examine(request: IncomingMessage): { readonly route: Route; readonly query: URLSearchParams } | HttpRefusal {
    const [path = '', ...query] = (request.url ?? '').split('?');
    const parameters = new URLSearchParams(query.join('?'));
    const route = routeOf(path);
    if (route?.kind !== 'healthz' && route?.kind !== 'version' && !this.#options.auth.admits(request, parameters)) {
      return { status: 401, error: 'a valid token is required' };
    }
    if (hostsOf(request) > 1) return { status: 400, error: 'exactly one Host is required' };
    if (route === undefined) return { status: 404, error: 'there is nothing here' };
    if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405, error: 'only GET is allowed' };
    return { route, query: parameters };
  }

  #wish(protocol: Protocol, parameters: URLSearchParams): PortRequest | HttpRefusal {
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

  async #askAllow({ protocol, port, accept }: PortRequest): Promise<HttpRefusal | undefined> {
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
