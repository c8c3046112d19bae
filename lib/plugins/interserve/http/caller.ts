import * as http from 'node:http';
import * as https from 'node:https';
import { isIP } from 'node:net';
import { BusError } from '../../../base/errors.ts';
import type { Place } from '../control.ts';
import type { BusPlace } from '../ready.ts';
import { type Failure, isFailure, outcomes, transferError } from '../outcomes.ts';
import { reasonHeader } from './answer.ts';
import { plainAddress } from './door.ts';

const mostIdleConnections = 64;

export interface CallerOptions {
  readonly tls: object | undefined;
  /** Where the server may send the client besides its own host. */
  readonly hosts: readonly string[];
  /** Where the client has the bus. */
  bus(): BusPlace | undefined;
}

/** Sends requests to the places a server names, over connections that are kept for the next one. */
export class Caller {
  readonly #options: CallerOptions;
  readonly #plain = new http.Agent({ keepAlive: true, maxFreeSockets: mostIdleConnections });
  #secure: https.Agent | undefined;

  constructor(options: CallerOptions) {
    this.#options = options;
  }

  /** Whether the place is on this machine. */
  isLocal(place: Place): boolean {
    const { socketPath, host } = this.#target(place);
    return socketPath !== undefined || host === 'localhost' || host === '::1' || host?.startsWith('127.') === true;
  }

  /** A request whose body is the caller's to write; `error` events reach `answerTo`. */
  open(place: Place, method: string, headers: http.OutgoingHttpHeaders, signal: AbortSignal): http.ClientRequest {
    const options = {
      ...this.#target(place),
      method,
      path: place.path,
      headers: { authorization: `Bearer ${place.key}`, ...headers },
      signal,
    };
    if (!place.ssl) return http.request({ ...options, agent: this.#plain });
    this.#secure ??= new https.Agent({ ...this.#options.tls, keepAlive: true, maxFreeSockets: mostIdleConnections });
    return https.request({ ...options, agent: this.#secure });
  }

  close(): void {
    this.#plain.destroy();
    this.#secure?.destroy();
  }

  #mayFollow(host: string, bus: BusPlace | undefined): boolean {
    if (this.#options.hosts.some((allowed) => allowed.toLowerCase() === host) || host === bus?.host) return true;
    // A bus that is no network's is on this machine.
    return addressOf(host) === (plainAddress(bus?.address) ?? loopback);
  }

  /** Throws `refused` for a host that is not the server's to name: the client would carry its requests into any network. */
  #target(place: Place): { host?: string; port?: number; socketPath?: string } {
    const bus = this.#options.bus();
    if (place.address !== undefined && !this.#mayFollow(place.address.toLowerCase(), bus)) {
      const text = `The server sends its client to "${place.address}", which is not its own host nor among "hosts"`;
      throw transferError('refused', text);
    }
    const onNetwork = bus !== undefined && isIP(bus.address) !== 0;
    if (place.port === undefined && bus !== undefined && !onNetwork) return { socketPath: bus.address };
    const host = place.address ?? (onNetwork ? bus.address : '127.0.0.1');
    const port = place.port ?? bus?.port;
    return port === undefined ? { host } : { host, port };
  }
}

const loopback = '127.0.0.1';

function addressOf(host: string): string | undefined {
  return host === 'localhost' ? loopback : plainAddress(host);
}

/** The response to a request, or what kept it from coming. */
export function answerTo(request: http.ClientRequest): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    request.on('error', (error) => reject(transferError('unreachable', error.message, error)));
  });
}

/** A refusal with the headers it came with, which `failure` callbacks are given. */
export class EndpointError extends BusError {
  readonly headers: http.IncomingHttpHeaders;
  readonly #reason: Failure;
  readonly #status: number;

  constructor(reason: Failure, status: number, headers: http.IncomingHttpHeaders, message?: string) {
    const { code, sentence, status: usual } = outcomes[reason];
    const said = message ?? (status === usual ? sentence : `The endpoint answered ${status}`);
    super(code, said, { details: { status, reason } });
    this.headers = headers;
    this.#reason = reason;
    this.#status = status;
  }

  /** The same with the message that came over the bus, which says more. */
  saying(message: string): EndpointError {
    return new EndpointError(this.#reason, this.#status, this.headers, message);
  }
}

/** What a response that is no success says. */
export function failureIn(response: http.IncomingMessage): EndpointError {
  const { statusCode = 0, headers } = response;
  const given = headers[reasonHeader];
  return new EndpointError(isFailure(given) ? given : reasonOf(statusCode), statusCode, headers);
}

function reasonOf(status: number): Failure {
  if (status >= 502 && status <= 504) return 'unreachable';
  for (const [name, row] of Object.entries(outcomes)) if (row.status === status && isFailure(name)) return name;
  return status >= 500 ? 'unreachable' : 'malformed';
}
