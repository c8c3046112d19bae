import type { Socket } from 'node:net';
import { concat } from '../../base/bytes.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import { asBusError, BusError } from '../../base/errors.ts';
import { refusalError } from '../../base/permission.ts';
import { LinkPort } from '../../session/link-port.ts';
import type { Link, PeerCredentials } from '../../transport/link.ts';
import type { ClientHello } from '../../wire/handshake/hello.ts';
import { ByteBudget } from '../../wire/handshake/packet.ts';
import { refusal } from '../../wire/handshake/refusal.ts';
import { ServerHandshake } from '../../wire/handshake/server-handshake.ts';
import { teapot } from '../../wire/handshake/upgrade.ts';
import type { Authorize } from '../contract.ts';
import { Feature } from '../own-hello.ts';
import type { LookersDoor } from './lookers-door.ts';

export interface PendingLinkOptions {
  readonly clock: Clock;
  readonly handshakeTimeoutMs: number;
  readonly maxPreAuthBytes: number;
  readonly maxDepth: number;
  readonly authorize: Authorize | undefined;
  readonly credentials: boolean;
}

export interface PendingLinkOwner {
  /** Where `hello` wants to go, if not to the clients. */
  door(hello: ClientHello): LookersDoor | undefined;
  /** Whether `hello` proves a session of its own, which was authorized when it began. */
  proves(hello: ClientHello): boolean;
  /** As `ServerPlatform.identify`. */
  identify(link: Link, ask: (question: unknown) => Promise<unknown>): Promise<PeerCredentials>;
  /** The link is authorized; what came behind the hello follows. Throws a `BusError` to refuse it all the same. */
  admit(port: LinkPort, hello: ClientHello, rest: Uint8Array): void;
  /**
   * The socket of the link, if a plugin serves HTTP here and adopted it; `known` reports that its peer has
   * authenticated.
   */
  http(link: Link, head: Uint8Array, known: () => void): Socket | undefined;
  /** The peer was told that it is refused, and why. */
  refused(link: Link, error: BusError): void;
  /** The link is not a candidate any more, with the error if it did something wrong. */
  left(link: PendingLink, error: BusError | undefined): void;
}

const halfDone = 'A link closed in the middle of its handshake';
/** What is not a fault of the server's when it happens as a link is admitted. */
const refusals: ReadonlySet<string> = new Set(['ERR_SERVER_FULL', 'ERR_INCOMPATIBLE', 'ERR_CLOSED']);
/** What a client can change nothing about by coming back. */
const unprovable: ReadonlySet<string | undefined> = new Set(['ERR_PEER_LACKS_FEATURE', 'ERR_UNAUTHORIZED']);
const nothing = new Uint8Array(0);
/** How long a refused link stays open, so that the reason arrives. */
const refusalMs = 50;

/** A link that is not authorized yet: little time, few bytes, and no effect on anyone else. */
export class PendingLink {
  readonly #port: LinkPort;
  readonly #options: PendingLinkOptions;
  readonly #owner: PendingLinkOwner;
  readonly #handshake: ServerHandshake;
  readonly #deadline: Timer;
  /** What came while the client was being authorized. */
  #early: Uint8Array[] = [];
  readonly #budget: ByteBudget;
  #hello: ClientHello | undefined;
  #identity: Promise<PeerCredentials> | undefined;
  /** What kept the client from proving who it is. */
  #unidentified: BusError | undefined;
  /** Until the client answers what it was asked. */
  #question: { resolve(answer: unknown): void; reject(error: BusError): void } | undefined;
  /** The socket, while a plugin serves HTTP to a peer that has not authenticated. */
  #taken: Socket | undefined;
  /** Until a refused link is destroyed. */
  #destroyTimer: Timer | undefined;
  #over = false;

  constructor(link: Link, options: PendingLinkOptions, owner: PendingLinkOwner) {
    const { clock, handshakeTimeoutMs, maxPreAuthBytes, maxDepth } = options;
    this.#options = options;
    this.#owner = owner;
    this.#budget = new ByteBudget(maxPreAuthBytes);
    this.#handshake = new ServerHandshake({ maxBytes: maxPreAuthBytes, maxDepth });
    this.#deadline = clock.setTimer(() => this.#timedOut(), handshakeTimeoutMs, true);
    this.#port = new LinkPort(link, clock);
    this.#port.read({
      read: (bytes) => {
        this.#data(bytes);
        return undefined;
      },
      drained() {},
      closed: () => {
        this.#destroyTimer?.cancel();
        this.#leave(this.#halfDone() ? new BusError('ERR_PROTOCOL', halfDone) : undefined);
      },
      failed: (error) => this.#fail(error),
    });
  }

  /** Refuses the link: it is told why, then closed. */
  refuse(error: BusError, allowReconnect: boolean): void {
    if (this.#over) return;
    this.#leave(undefined);
    if (this.#taken === undefined) this.#sayNo(error, allowReconnect);
    else this.#taken.destroy();
  }

  /** Closing before sending anything, or after a complete hello, is normal; closing midway is an error. */
  #halfDone(): boolean {
    return this.#budget.left < this.#options.maxPreAuthBytes && this.#hello === undefined;
  }

  #timedOut(): void {
    const error = new BusError(
      'ERR_TIMEOUT',
      `A link was not authorized within ${this.#options.handshakeTimeoutMs} ms`,
    );
    this.#leave(error);
    if (this.#taken !== undefined) this.#taken.destroy();
    else if (this.#hello === undefined) this.#port.destroy();
    else this.#sayNo(new BusError('ERR_UNAVAILABLE', error.message), true);
  }

  #data(bytes: Uint8Array): void {
    // One that was refused may speak on for a moment, and nobody takes it any more.
    if (this.#over) return;
    try {
      this.#budget.spend(bytes.length);
    } catch (error) {
      this.#fail(asBusError(error, 'ERR_TOO_LARGE'));
      return;
    }
    if (this.#hello !== undefined && this.#question === undefined) {
      this.#early.push(new Uint8Array(bytes));
      return;
    }
    try {
      for (const step of this.#handshake.feed(bytes)) {
        if (step.type === 'write') this.#port.write(step.bytes);
        else if (step.type === 'http') this.#http(step.bytes);
        else if (step.type === 'answer') this.#answered(step.answer, step.rest);
        else this.#greet(step.hello, step.rest);
      }
    } catch (error) {
      this.#fail(asBusError(error, 'ERR_PROTOCOL'));
    }
  }

  #http(head: Uint8Array): void {
    const error = new BusError('ERR_PROTOCOL', 'An HTTP request arrived on the bus');
    const known = (): void => this.#leave(undefined);
    const socket = this.#owner.http(this.#port.link, head, known);
    if (socket !== undefined) {
      this.#taken = socket;
      if (socket.destroyed) known();
      else socket.once('close', known);
      return;
    }
    this.#leave(error);
    this.#port.write(teapot());
    this.#endSoon();
  }

  #greet(hello: ClientHello, rest: Uint8Array): void {
    this.#hello = hello;
    if (rest.length > 0) this.#early.push(rest);
    const { link } = this.#port;
    const door = this.#owner.door(hello);
    if (door !== undefined) {
      this.#decide(
        door.admits(link, (question) => this.#ask(question)),
        hello,
      );
      return;
    }
    const { authorize } = this.#options;
    if (authorize === undefined || this.#owner.proves(hello)) {
      this.#admit(hello);
      return;
    }
    const credentials = (): Promise<PeerCredentials> => (this.#identity ??= this.#identify(hello));
    const peer = { remoteAddress: link.remote, linkKind: link.kind, socket: link.socket, credentials };
    let verdict: unknown;
    try {
      verdict = authorize(hello.extras, peer);
    } catch (error) {
      this.#unauthorized(error);
      return;
    }
    this.#decide(verdict, hello);
  }

  #decide(verdict: unknown, hello: ClientHello): void {
    Promise.resolve(verdict).then(
      (admitted) => {
        if (admitted !== true) this.#unauthorized(undefined);
        else if (!this.#over) this.#admit(hello);
      },
      (error: unknown) => this.#unauthorized(error),
    );
  }

  /** As `ConnectingPeer.credentials`. */
  async #identify({ busbar }: ClientHello): Promise<PeerCredentials> {
    try {
      if (!this.#options.credentials)
        throw new BusError('ERR_STATE', 'The server does not have the option credentials');
      return await this.#owner.identify(this.#port.link, (question) => {
        if (busbar?.features.includes(Feature.credentials) !== true) {
          throw new BusError('ERR_PEER_LACKS_FEATURE', 'The client cannot prove its user');
        }
        return this.#ask(question);
      });
    } catch (error) {
      const failure = asBusError(error, 'ERR_UNAVAILABLE');
      this.#unidentified = failure;
      throw failure;
    }
  }

  #ask(question: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#over) {
        reject(new BusError('ERR_CLOSED', 'The link has closed'));
        return;
      }
      this.#question = { resolve, reject };
      this.#port.write(this.#handshake.ask(question));
    });
  }

  #answered(answer: unknown, rest: Uint8Array): void {
    if (rest.length > 0) this.#early.push(rest);
    this.#question?.resolve(answer);
    this.#question = undefined;
  }

  #admit(hello: ClientHello): void {
    const rest = this.#early.length === 0 ? nothing : concat(this.#early);
    // What listeners do from here on, such as closing the server, is not a refusal of this link any more.
    this.#leave(undefined);
    try {
      this.#owner.admit(this.#port, hello, rest);
    } catch (error) {
      const failure = asBusError(error, 'ERR_LISTENER');
      // What a callback of the server's failed with is nothing for a stranger.
      if (failure.code === 'ERR_LISTENER') this.#sayNo(new BusError('ERR_UNAVAILABLE'), true);
      else this.#sayNo(failure, failure.code === 'ERR_SERVER_FULL');
      if (!refusals.has(failure.code)) this.#owner.left(this, failure);
    }
  }

  #sayNo(error: BusError, allowReconnect: boolean): void {
    const { code, message } = error;
    this.#owner.refused(this.#port.link, error);
    this.#port.write(refusal(code, message, allowReconnect, this.#hello));
    this.#endSoon();
  }

  /** Closes, and does not wait for a stranger to do the same. */
  #endSoon(): void {
    this.#port.end();
    this.#destroySoon();
  }

  #destroySoon(): void {
    this.#destroyTimer = this.#options.clock.setTimer(() => this.#port.destroy(), refusalMs, true);
  }

  #unauthorized(cause: unknown): void {
    const unproven = this.#unidentified;
    const error =
      unproven !== undefined && cause === unproven && unprovable.has(unproven.code)
        ? new BusError('ERR_UNAUTHORIZED', unproven.message)
        : refusalError(cause, (bug) => this.#owner.left(this, bug));
    this.refuse(error, error.code === 'ERR_UNAVAILABLE');
  }

  #fail(error: BusError): void {
    if (this.#over) return;
    this.#leave(error);
    if (error.code !== 'ERR_TOO_LARGE') {
      this.#port.destroy();
      return;
    }
    // An honest client with too large a payload is told; what a stranger continues sending stays with the system.
    this.#owner.refused(this.#port.link, error);
    this.#port.write(refusal(error.code, error.message, false, this.#hello));
    this.#port.pause();
    this.#destroySoon();
  }

  #leave(error: BusError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#early = [];
    this.#deadline.cancel();
    this.#question?.reject(error ?? new BusError('ERR_CLOSED', 'The link has closed'));
    this.#owner.left(this, error);
  }
}
