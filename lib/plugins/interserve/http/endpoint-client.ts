import * as http from 'node:http';
import * as https from 'node:https';
import { isIP, Socket } from 'node:net';
import { retryDelayMs, sleep, untilAborted } from '../../../base/wait.ts';
import type { Clock } from '../../../base/clock.ts';
import type { BusError } from '../../../base/errors.ts';
import { isLoopback } from '../../../base/ip.ts';
import type { Random } from '../../../base/random.ts';
import type { PeerHandle } from '../../../bus/plugin.ts';
import { parseAddress } from '../../../transport/address.ts';
import { IdleTimeout } from '../idle-timeout.ts';
import { asTransferError, failureOf, transferError } from '../outcomes.ts';
import { type Place, plainAddress } from '../protocol.ts';

const mostIdleConnections = 64;
const longestDelayMs = 2_000;
const loopback = '127.0.0.1';

export interface EndpointClientOptions {
  readonly tls: object | undefined;
  /** Hosts that the server may send the client to besides its own. */
  readonly hosts: readonly string[];
}

/** The address of the bus, as the client sees it. */
interface BusPlace {
  /** An IP address, or the path of a socket. */
  readonly address: string;
  /** Undefined for a path. */
  readonly port: number | undefined;
  /** The host as the client was told it, in lower case. */
  readonly host: string | undefined;
}

/** Sends requests to the places a server names, over keep-alive connections. */
export class EndpointClient {
  readonly #options: EndpointClientOptions;
  readonly #plain = new http.Agent({ keepAlive: true, maxFreeSockets: mostIdleConnections });
  #secure: https.Agent | undefined;
  #peer: PeerHandle | undefined;
  /** As of the last open link. */
  #bus: BusPlace | undefined;

  constructor(options: EndpointClientOptions) {
    this.#options = options;
  }

  /** The client is connected as this peer. */
  connected(peer: PeerHandle): void {
    this.#peer = peer;
  }

  /** Whether the place is on this machine. */
  isLocal(place: Place): boolean {
    const { socketPath, host = '' } = this.#target(place);
    return socketPath !== undefined || host === 'localhost' || isLoopback(host);
  }

  /** Opens a request; the caller writes its body and passes it to `answerTo`, which handles its `error` events. */
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

  /** Throws `refused` for a host the server may not name: a server could send the client's requests into any network. */
  #target(place: Place): { host?: string; port?: number; socketPath?: string } {
    const bus = (this.#bus = busPlaceOf(this.#peer) ?? this.#bus);
    if (place.address !== undefined && !this.#mayFollow(place.address.toLowerCase(), bus)) {
      const text = `The server directs its client to "${place.address}", which is neither its own host nor in "hosts"`;
      throw transferError('refused', text);
    }
    const onNetwork = bus !== undefined && isIP(bus.address) !== 0;
    if (place.port === undefined && bus !== undefined && !onNetwork) return { socketPath: bus.address };
    const host = place.address ?? (onNetwork ? bus.address : loopback);
    const port = place.port ?? bus?.port;
    return port === undefined ? { host } : { host, port };
  }

  #mayFollow(host: string, bus: BusPlace | undefined): boolean {
    if (this.#options.hosts.some((allowed) => allowed.toLowerCase() === host) || host === bus?.host) return true;
    // A bus without an IP address is on this machine.
    const address = host === 'localhost' ? loopback : plainAddress(host);
    return address === (plainAddress(bus?.address) ?? loopback);
  }
}

function busPlaceOf(peer: PeerHandle | undefined): BusPlace | undefined {
  const address = peer?.remoteAddress;
  if (peer === undefined || address === undefined) return undefined;
  const socket = 'connection' in peer ? peer.connection : undefined;
  return { address, port: socket instanceof Socket ? socket.remotePort : undefined, host: hostOf(peer) };
}

function hostOf(peer: PeerHandle): string | undefined {
  const options: unknown = 'options' in peer ? peer.options : undefined;
  if (typeof options !== 'object' || options === null) return undefined;
  if ('host' in options && typeof options.host === 'string') return options.host.toLowerCase();
  if (!('url' in options) || typeof options.url !== 'string') return undefined;
  const address = parseAddress(options.url);
  return 'host' in address ? address.host.toLowerCase() : undefined;
}

/** Resolves with the response to a request; rejects `unreachable` if none comes. */
export function answerTo(request: http.ClientRequest): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    request.on('error', (error) => reject(transferError('unreachable', error.message, error)));
  });
}

export interface RetryOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Ends everything with its reason. */
  readonly signal: AbortSignal;
  /** Time without a byte after which the transfer fails; a single attempt fails after a third of it. */
  readonly timeoutMs: number;
}

export interface Attempt {
  /** 1 for the first one. */
  readonly number: number;
  /** Ends this attempt. */
  readonly signal: AbortSignal;
  /** To be called as bytes move. */
  moved(): void;
  /** To be called when all bytes have moved; the answer of the peer has no time limit here. */
  complete(): void;
}

/**
 * Runs `work` until it succeeds. A failed connection is retried after a growing, jittered delay as long as bytes move
 * now and then. Rejects any other failure at once, and the last one when `timeoutMs` pass without a byte.
 */
export async function retry(options: RetryOptions, work: (attempt: Attempt) => Promise<void>): Promise<void> {
  const { clock, random, signal, timeoutMs } = options;
  const over = new AbortController();
  const stop = () => over.abort(signal.reason);
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  let last: BusError | undefined;
  let fruitless = 0;
  const idle = new IdleTimeout(clock, timeoutMs, () => over.abort(last ?? transferError('stalled')));
  idle.touch();
  const moved = () => {
    fruitless = 0;
    idle.touch();
  };
  try {
    for (let number = 1; ; number++) {
      const failed = await attemptOnce(
        { clock, timeoutMs, over: over.signal, number, moved, complete: () => idle.stop() },
        work,
      );
      if (failed === undefined) return;
      last = failed;
      idle.ensureStarted();
      fruitless += 1;
      await sleep(clock, retryDelayMs(fruitless, longestDelayMs, random), over.signal);
    }
  } finally {
    idle.stop();
    signal.removeEventListener('abort', stop);
  }
}

interface Once extends Pick<Attempt, 'number' | 'moved' | 'complete'> {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Ends everything. */
  readonly over: AbortSignal;
}

/** Resolves undefined on success, or with a failure that may be retried; rejects any other. */
async function attemptOnce(
  { clock, timeoutMs, over, number, moved, complete }: Once,
  work: (attempt: Attempt) => Promise<void>,
): Promise<BusError | undefined> {
  const once = new AbortController();
  const end = () => once.abort(over.reason);
  over.addEventListener('abort', end, { once: true });
  const slow = new IdleTimeout(clock, timeoutMs / 3, () => once.abort(transferError('stalled')));
  slow.touch();
  let current = true;
  /** Late calls of a past attempt must not touch the timeouts of the next one. */
  const whileCurrent = (task: () => void) => () => {
    if (current) task();
  };
  const attempt = {
    number,
    signal: once.signal,
    moved: whileCurrent(() => {
      moved();
      slow.touch();
    }),
    complete: whileCurrent(() => {
      complete();
      slow.stop();
    }),
  };
  try {
    await untilAborted(over, work(attempt));
    return undefined;
  } catch (error) {
    over.throwIfAborted();
    const failure = asTransferError(once.signal.aborted ? once.signal.reason : error);
    if (!isTransient(failure)) throw failure;
    return failure;
  } finally {
    current = false;
    slow.stop();
    over.removeEventListener('abort', end);
  }
}

function isTransient(error: BusError): boolean {
  const failure = failureOf(error);
  return failure === 'unreachable' || failure === 'stalled' || failure === 'offset' || failure === 'busy';
}
