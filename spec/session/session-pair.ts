import type { BusError } from '../../lib/base/errors.ts';
import { nativeDialect } from '../../lib/session/dialect.ts';
import { LinkPort } from '../../lib/session/link-port.ts';
import { SendQueues, Session } from '../../lib/session/session.ts';
import type { SessionLimits } from '../../lib/session/dialect.ts';
import type { Requester, SessionEvents } from '../../lib/session/session-events.ts';
import { VirtualClock } from '../../lib/testing/virtual-clock.ts';
import { MemoryLink } from '../../lib/transport/memory-link.ts';
import type { EndFrame, MessageFrame, RemoteFailure, RequestFrame, RequestId } from '../../lib/wire/frames.ts';

const dialectLimits = { maxMessageBytes: 1 << 20, maxDepth: 64 };
const usual: SessionLimits = {
  maxUnackedBytes: 100_000,
  maxPendingMessages: 1_000,
  heartbeatIntervalMs: 0,
  heartbeatTimeoutMs: 1_000,
  slowConsumerMs: 5_000,
};

/** One of two ends: a session, and all that it told. */
export class SessionEnd implements SessionEvents {
  /** What came, in order. */
  readonly heard: string[] = [];
  readonly queues = new SendQueues('wait');
  readonly session: Session;
  port: LinkPort | undefined;
  lostWith: (BusError | undefined)[] = [];
  slow = 0;
  /** Called for each message and request, after it was noted. */
  onFrame: (text: string) => void = () => {};
  readonly incoming = { cancelled: (id: RequestId): void => this.#note(`cancelled ${id}`) };
  readonly requests: Requester = {
    left: () => Number.POSITIVE_INFINITY,
    answered: (id, data, lane) => this.#note(`${lane}answer ${id} ${String(data)}`),
    failed: (id: RequestId, { code }: RemoteFailure) => this.#note(`failure ${id} ${code}`),
  };

  constructor(clock: VirtualClock, limits: Partial<SessionLimits>) {
    const dialect = nativeDialect(
      { records: false, withdraws: true, handles: true, peerMaxBytes: 1 << 20 },
      dialectLimits,
    );
    this.session = new Session(dialect, this, this.queues, clock, { ...usual, ...limits });
    this.queues.session = this.session;
  }

  onMessage({ data }: MessageFrame, lane: string): void {
    this.#note(`${lane}message ${String(data)}`);
  }

  onRequest({ id, data }: RequestFrame, lane: string): void {
    this.#note(`${lane}request ${id} ${String(data)}`);
  }

  onEnd({ reason, allowReconnect }: EndFrame): void {
    this.#note(`end ${String(reason)} ${allowReconnect}`);
  }

  onGoingAway(): void {
    this.#note('going away');
  }

  settled(): void {}

  onLinkLost(error: BusError | undefined): void {
    this.lostWith.push(error);
    this.session.detach();
    this.port?.forget();
    this.port?.destroy();
    this.port = undefined;
  }

  onSlow(): void {
    this.slow += 1;
  }

  /** What came since it was asked last. */
  take(): string[] {
    return this.heard.splice(0);
  }

  #note(text: string): void {
    this.heard.push(text);
    this.onFrame(text);
  }
}

/** Two sessions that speak to each other over links in memory, on a clock that the spec turns. */
export class SessionPair {
  readonly clock = new VirtualClock();
  readonly a: SessionEnd;
  readonly b: SessionEnd;
  readonly pipe = { clock: this.clock, netLag: 0, netSpeed: Number.POSITIVE_INFINITY };
  #link: MemoryLink | undefined;

  constructor(ofA: Partial<SessionLimits> = {}, ofB: Partial<SessionLimits> = {}) {
    this.a = new SessionEnd(this.clock, ofA);
    this.b = new SessionEnd(this.clock, ofB);
  }

  /** A link between them; each is told what the other has received. Returns whether both could carry on. */
  join(): boolean {
    const links = MemoryLink.pair('pair', this.pipe, this.pipe, () => {});
    [this.#link] = links;
    const [fromA, fromB] = [this.a.session.received, this.b.session.received];
    return [this.#attach(this.a, links[0], fromB), this.#attach(this.b, links[1], fromA)].every((attached) => attached);
  }

  /** Resets the link, as a network does. */
  cut(): void {
    this.#link?.cut();
    this.turn();
  }

  /** Lets happen all that is to happen without time passing. */
  turn(): void {
    this.clock.advance(0);
  }

  #attach(end: SessionEnd, link: MemoryLink, received: number): boolean {
    end.port = new LinkPort(link, this.clock);
    end.port.read(end.session);
    return end.session.attach(end.port, received);
  }
}
