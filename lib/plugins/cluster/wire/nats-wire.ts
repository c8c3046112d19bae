import type { NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node';
import type { Clock } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import { codeOf, textOf } from '../../../base/thrown.ts';
import { sleep } from '../../../base/wait.ts';
import type { NatsOptions } from '../options.ts';
import type { Wire, WireEvents } from './wire.ts';

type Nats = typeof import('@nats-io/transport-node');

/** Between two attempts to reach a server; at first sooner, so that a connection that broke is back before its node is missed. */
const againMs = 150;
const soonMs = 2;
const connectTimeoutMs = 1_000;
/** Probes whose outcome may still come. */
const mostProbes = 4_096;
/** The oldest server that is known to do, and the bytes that a message may have. */
const leastVersion = [2, 9] as const;
const leastPayload = 65_536;

export interface NatsWireOptions {
  readonly given: NatsOptions;
  readonly label: string;
  readonly pingMs: number;
  readonly clock: Clock;
}

/** A wire over core NATS: it connects by itself, again and again. */
export class NatsWire implements Wire {
  readonly #options: NatsWireOptions;
  readonly #events: WireEvents;
  readonly #stop = new AbortController();
  readonly #subscriptions: [string, (bytes: Uint8Array) => void][] = [];
  readonly #probes = new Map<string, () => void>();
  readonly #opened: Promise<void>;
  #connection: NatsConnection | undefined;
  #inbox = '';
  #number = 0;
  #isUp = false;
  #waitMs = soonMs / 2;

  constructor(options: NatsWireOptions, events: WireEvents) {
    this.#options = options;
    this.#events = events;
    this.#opened = this.#open();
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  publish(subject: string, bytes: Uint8Array): void {
    if (this.#isUp) this.#attempt(() => this.#connection?.publish(subject, bytes));
  }

  probe(subject: string, bytes: Uint8Array, nobody: () => void): void {
    if (!this.#isUp) return;
    this.#number += 1;
    const key = this.#number.toString(36);
    this.#probes.set(key, nobody);
    if (this.#probes.size > mostProbes) {
      for (const [oldest] of this.#probes) {
        this.#probes.delete(oldest);
        break;
      }
    }
    this.#attempt(() => this.#connection?.publish(subject, bytes, { reply: `${this.#inbox}.${key}` }));
  }

  subscribe(subject: string, heard: (bytes: Uint8Array) => void): void {
    this.#subscriptions.push([subject, heard]);
    if (this.#connection !== undefined) this.#listen(this.#connection, subject, heard);
  }

  flush(then: () => void): void {
    if (this.#isUp && this.#connection !== undefined) this.#connection.flush().then(then, then);
    else then();
  }

  async close(): Promise<void> {
    this.#isUp = false;
    this.#stop.abort(new BusError('ERR_CLOSED'));
    await this.#opened;
    await this.#connection?.close().catch(() => {});
  }

  async #open(): Promise<void> {
    let nats: Nats;
    try {
      nats = await import('@nats-io/transport-node');
    } catch (error) {
      const isMissing = codeOf(error) === 'ERR_MODULE_NOT_FOUND' || codeOf(error) === 'MODULE_NOT_FOUND';
      const text = isMissing ? 'busbar/cluster needs the package @nats-io/transport-node' : textOf(error);
      this.#events.refused(new BusError('ERR_PLUGIN', text, { cause: error }));
      return;
    }
    try {
      await this.#connect(nats);
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#events.refused(refusalOf(nats, error));
    }
  }

  async #connect(nats: Nats): Promise<void> {
    const { signal } = this.#stop;
    const { given, label, pingMs, clock } = this.#options;
    while (!signal.aborted) {
      try {
        const connection = await nats.connect({
          name: label,
          timeout: connectTimeoutMs,
          reconnectDelayHandler: () => this.#reconnectMs(),
          pingInterval: pingMs,
          maxPingOut: 2,
          ...(given as NodeConnectionOptions),
          noEcho: true,
          reconnect: true,
          maxReconnectAttempts: -1,
          waitOnFirstConnect: false,
        });
        if (signal.aborted) await connection.close();
        else this.#connected(nats, connection);
        return;
      } catch (error) {
        if (isFinal(nats, error)) throw error;
        this.#events.failed(error);
        await sleep(clock, againMs, signal).catch(() => {});
      }
    }
  }

  #connected(nats: Nats, connection: NatsConnection): void {
    check(connection);
    this.#connection = connection;
    this.#inbox = nats.createInbox();
    connection.subscribe(`${this.#inbox}.*`, {
      callback: (_error, message) => {
        if (message.headers?.code !== 503) return;
        const key = message.subject.slice(this.#inbox.length + 1);
        const nobody = this.#probes.get(key);
        this.#probes.delete(key);
        if (nobody !== undefined) this.#attempt(nobody);
      },
    });
    for (const [subject, heard] of this.#subscriptions) this.#listen(connection, subject, heard);
    void this.#watch(connection);
    void connection.closed().then((error) => {
      this.#down();
      if (!this.#stop.signal.aborted) this.#events.refused(refusalOf(nats, error));
    });
    this.#up();
  }

  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') this.#down();
      else if (status.type === 'reconnect') this.#up();
      else if (status.type === 'error') this.#events.failed(status.error);
    }
  }

  #reconnectMs(): number {
    this.#waitMs = Math.min(againMs, this.#waitMs * 2);
    return this.#waitMs;
  }

  #up(): void {
    if (this.#isUp || this.#stop.signal.aborted) return;
    this.#isUp = true;
    this.#waitMs = soonMs / 2;
    this.#events.up();
  }

  #down(): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#probes.clear();
    this.#events.down();
  }

  #listen(connection: NatsConnection, subject: string, heard: (bytes: Uint8Array) => void): void {
    connection.subscribe(subject, {
      // Its own reader would end with what this threw.
      callback: (_error, message) => this.#attempt(() => heard(message.data)),
    });
  }

  /** What fails here fails for one message, and not for the connection. */
  #attempt(task: () => void): void {
    try {
      task();
    } catch (error) {
      this.#events.failed(error);
    }
  }
}

function check(connection: NatsConnection): void {
  const { version = '', headers, max_payload: mostBytes = 0 } = connection.info ?? {};
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor, leastMinor] = leastVersion;
  const isOld = major < leastMajor || (major === leastMajor && minor < leastMinor);
  if (!isOld && headers === true && mostBytes >= leastPayload) return;
  void connection.close();
  throw new BusError(
    'ERR_INCOMPATIBLE',
    `A cluster needs nats-server ${leastVersion.join('.')} with messages of ${leastPayload} bytes; this is ${version} with ${mostBytes}`,
  );
}

function isFinal(nats: Nats, error: unknown): boolean {
  return (
    error instanceof BusError ||
    error instanceof TypeError ||
    error instanceof nats.errors.AuthorizationError ||
    error instanceof nats.errors.UserAuthenticationExpiredError ||
    error instanceof nats.errors.InvalidArgumentError
  );
}

function refusalOf(nats: Nats, error: unknown): BusError {
  if (error instanceof BusError) return error;
  const isInvalid = error instanceof TypeError || error instanceof nats.errors.InvalidArgumentError;
  const code = isInvalid ? 'ERR_INVALID_OPTION' : 'ERR_UNAUTHORIZED';
  return new BusError(code, `NATS: ${error === undefined ? 'it closed the connection' : textOf(error)}`, {
    cause: error,
  });
}
