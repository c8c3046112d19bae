import type { BusError } from '../../lib/base/errors.ts';
import type { LinkPort } from '../../lib/session/link-port.ts';
import { SendQueues, Session } from '../../lib/session/session.ts';
import type { SessionEvents } from '../../lib/session/session-events.ts';
import type { MessageFrame } from '../../lib/wire/frames.ts';
import type { Ledger } from './ledger.ts';
import { makeBody, Violation } from './ledger.ts';
import type { World } from './world.ts';

/** A message somebody wants to send once there is room. */
export interface Draft {
  readonly lane: string;
  readonly shape: number;
  readonly padding: number;
  readonly confirm: boolean;
}

export interface EndEvents {
  /** The link is of no use any more. */
  broken(error: BusError): void;
}

/** Bytes of a frame beyond its body, a lane's announcement included. */
const overheadBytes = 256;

/** One end of one session, with the books that both its ends write in. */
export class End implements SessionEvents {
  readonly session: Session;
  readonly requests = {
    left: () => Number.POSITIVE_INFINITY,
    answered: () => this.#got('response'),
    failed: () => this.#got('failure'),
  };
  readonly incoming = { cancelled: () => this.#got('cancel') };
  readonly #world: World;
  readonly #name: string;
  readonly #sent: Ledger;
  readonly #received: Ledger;
  readonly #events: EndEvents;
  /** Shared with the sessions that follow this one. */
  readonly #drafts: Draft[];
  #largestBytes = 0;
  #flushes = 0;
  #pauses = false;
  #lost: (() => void) | undefined;

  constructor(
    world: World,
    name: string,
    index: number,
    sent: Ledger,
    received: Ledger,
    drafts: Draft[],
    events: EndEvents,
  ) {
    this.#world = world;
    this.#name = name;
    this.#sent = sent;
    this.#received = received;
    this.#drafts = drafts;
    this.#events = events;
    const dialect = world.parts.dialect(name.startsWith('server') ? 'server' : 'client', index);
    this.session = new Session(dialect, this, new SendQueues('wait'), world.clock, world.limits);
  }

  /** Everything this end reads from `port` goes to the session. */
  read(port: LinkPort, lost: () => void): void {
    this.#lost = lost;
    port.read(this.session);
  }

  pause(): void {
    this.#pauses = true;
    this.session.pause();
  }

  resume(): void {
    if (this.session.ended) return;
    this.#pauses = false;
    this.session.resume();
  }

  send(draft: Draft): void {
    this.#drafts.push(draft);
    this.settled();
  }

  settled(): void {
    const { session } = this;
    while (!session.ended && session.maySend('*')) {
      // What a pausing peer holds back are the user's messages only.
      const at = this.#drafts.findIndex(({ lane }) => lane !== '' || !session.peerPaused);
      const [draft] = at < 0 ? [] : this.#drafts.splice(at, 1);
      if (draft === undefined) return;
      this.#post(draft);
    }
  }

  onMessage(frame: MessageFrame, lane: string): void {
    if (this.session.ended) throw new Violation(`${this.#name} got a message after its session ended`);
    if (lane === '' && this.#pauses) throw new Violation(`${this.#name} got a message while paused`);
    this.#world.log(this.#name, this.#received.parcels.length, frame.size);
    this.#world.guard(() => this.#received.took(lane, frame.data));
    this.#world.handled(this);
  }

  onRequest(): void {
    this.#got('request');
  }

  onEnd(): void {
    this.#got('end');
  }

  onGoingAway(): void {}

  onLinkLost(error: BusError | undefined): void {
    if (error === undefined) {
      this.#lost?.();
      return;
    }
    this.#world.log(this.#name, -1, error.code.length);
    if (error.code !== 'ERR_TIMEOUT' && !this.#world.corrupted) {
      this.#world.violated(`${this.#name}: ${error.code} ${error.message} (${String(error.cause ?? '')})`);
    }
    this.#events.broken(error);
  }

  onSlow(): void {
    this.#world.log(this.#name, -2, 0);
  }

  /** Checks that a flush settles, and not before everything sent until now was acknowledged. */
  flush(): void {
    const until = this.#sent.parcels.length;
    this.#flushes += 1;
    this.session.whenFlushed(() => {
      this.#flushes -= 1;
      if (this.session.ended) return;
      const open = this.#sent.parcels.findIndex(({ acknowledged }) => !acknowledged);
      if (open >= 0 && open < until) this.#world.violated(`${this.#name}: flushed before ${open} was acknowledged`);
    });
  }

  /** The session is over: what is undelivered has to be exactly what nobody acknowledged. */
  finish(): void {
    const reported = this.session.finish().map(({ data }) => data);
    this.#world.guard(() => this.#sent.lost(reported));
    if (this.#flushes > 0) this.#world.violated(`${this.#name}: ${this.#flushes} flushes never settled`);
  }

  /** Why this end is not done, if it is not. */
  unsettled(): string | undefined {
    const { session } = this;
    if (!session.attached) return `${this.#name} has no link`;
    if (this.#drafts.length > 0) return `${this.#name} holds ${this.#drafts.length} messages back`;
    if (!this.#sent.settled() || session.unacknowledged > 0 || session.pendingBytes > 0) {
      return `${this.#name} waits for ${session.unacknowledged} frames, ${session.pendingBytes} bytes`;
    }
    return this.#flushes > 0 ? `${this.#name} waits for a flush` : undefined;
  }

  #got(type: string): never {
    throw new Violation(`${this.#name} got a ${type}`);
  }

  #post({ lane, shape, padding, confirm }: Draft): void {
    const data = makeBody(this.#sent.nextNumber(lane), shape, padding);
    const parcel = this.#sent.accepted(lane, padding, data);
    const entry = {
      data: parcel,
      lane: 0,
      acknowledged: () => this.#world.guard(() => this.#sent.acknowledged(parcel)),
    };
    this.session.sendNow(lane, data, confirm, entry);
    this.#largestBytes = Math.max(this.#largestBytes, padding);
    const { maxUnackedBytes, maxPendingMessages } = this.#world.limits;
    const most = maxUnackedBytes + this.#largestBytes + overheadBytes + (this.#largestBytes >> 10);
    if (this.session.pendingBytes > most) {
      this.#world.violated(`${this.#name} holds ${this.session.pendingBytes} bytes, the limit is ${maxUnackedBytes}`);
    }
    const chunks = 4 + (maxUnackedBytes >> 16);
    if (this.session.unacknowledged > maxPendingMessages + chunks) {
      this.#world.violated(`${this.#name} holds ${this.session.unacknowledged} frames`);
    }
  }
}
