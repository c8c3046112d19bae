import type { BusError } from '../../lib/base/errors.ts';
import { type LinkPort, SessionReader } from '../../lib/session/link-port.ts';
import type { UserFrame } from '../../lib/session/receiver.ts';
import type { SessionOwner } from '../../lib/session/session-owner.ts';
import { Session } from '../../lib/session/session.ts';
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
export class End implements SessionOwner {
  readonly session: Session;
  readonly questions = { left: () => Number.POSITIVE_INFINITY };
  readonly #world: World;
  readonly #name: string;
  readonly #sent: Ledger;
  readonly #received: Ledger;
  readonly #events: EndEvents;
  /** Shared with the sessions that follow this one. */
  readonly #drafts: Draft[];
  #largestBytes = 0;
  #flushes = 0;

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
    this.session = new Session(dialect, this, world.clock, world.limits);
  }

  /** Everything this end reads from `port` goes to the session. */
  read(port: LinkPort, lost: () => void): void {
    const holder = {
      linkLost: (_port: LinkPort, error: BusError | undefined) => (error === undefined ? lost() : this.broken(error)),
    };
    port.read(new SessionReader(port, this.session, holder));
  }

  send(draft: Draft): void {
    this.#drafts.push(draft);
    this.room();
  }

  room(): void {
    const { session } = this;
    while (!session.ended && session.out.hasRoom) {
      // What a pausing peer holds back are the user's messages only.
      const at = this.#drafts.findIndex(({ lane }) => lane !== '' || !session.peerPaused);
      const [draft] = at < 0 ? [] : this.#drafts.splice(at, 1);
      if (draft === undefined) return;
      this.#post(draft);
    }
  }

  readonly unheard = Number.POSITIVE_INFINITY;

  frame(frame: UserFrame, lane: string): void {
    if (frame.type !== 'message') throw new Violation(`${this.#name} got a ${frame.type}`);
    if (this.session.ended) throw new Violation(`${this.#name} got a message after its session ended`);
    if (lane === '' && this.session.paused) throw new Violation(`${this.#name} got a message while paused`);
    this.#world.log(this.#name, this.#received.parcels.length, frame.size);
    this.#world.guard(() => this.#received.took(lane, frame.data));
    this.#world.handled(this);
  }

  goingAway(): void {}

  broken(error: BusError): void {
    this.#world.log(this.#name, -1, error.code.length);
    if (error.code !== 'ERR_TIMEOUT' && !this.#world.corrupted) {
      this.#world.violated(`${this.#name}: ${error.code} ${error.message} (${String(error.cause ?? '')})`);
    }
    this.#events.broken(error);
  }

  slow(): void {
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
    if (!this.#sent.settled() || session.out.outbox.count > 0 || session.out.pendingBytes > 0) {
      return `${this.#name} waits for ${session.out.outbox.count} frames, ${session.out.pendingBytes} bytes`;
    }
    return this.#flushes > 0 ? `${this.#name} waits for a flush` : undefined;
  }

  #post({ lane, shape, padding, confirm }: Draft): void {
    const data = makeBody(this.#sent.nextNumber(lane), shape, padding);
    const parcel = this.#sent.accepted(lane, padding, data);
    const entry = {
      data: parcel,
      lane: 0,
      acknowledged: () => this.#world.guard(() => this.#sent.acknowledged(parcel)),
    };
    this.session.out.message(lane, data, confirm, entry);
    this.#largestBytes = Math.max(this.#largestBytes, padding);
    const { maxUnackedBytes, maxPendingMessages } = this.#world.limits;
    const most = maxUnackedBytes + this.#largestBytes + overheadBytes + (this.#largestBytes >> 10);
    if (this.session.out.pendingBytes > most) {
      this.#world.violated(
        `${this.#name} holds ${this.session.out.pendingBytes} bytes, the limit is ${maxUnackedBytes}`,
      );
    }
    const chunks = 4 + (maxUnackedBytes >> 16);
    if (this.session.out.outbox.count > maxPendingMessages + chunks) {
      this.#world.violated(`${this.#name} holds ${this.session.out.outbox.count} frames`);
    }
  }
}
