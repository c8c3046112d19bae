import { BusError } from '../../../base/errors.ts';
import type { Lane, LaneRequestContext, PeerHandle, PluginHost } from '../../../bus/plugin.ts';
import { messageCost, windowBytes } from '../client/send-window.ts';
import type { PeerNote, PeerRequest } from '../notes.ts';
import { enterTable, type RelayOptions, type Requester } from '../options.ts';
import { Reason } from '../reason.ts';
import { TopicHub } from '../topics/topic-hub.ts';
import { BusMember } from './bus-member.ts';
import type { Gatekeeper } from './gatekeeper.ts';
import { cargo, Parcel } from './parcel.ts';
import { refusalReason, refusalSentence, type Relay } from './relay.ts';
import type { Room, Seat } from './room.ts';

/** The relay's side of the channels lane: turns what bus peers send into moves of the relay. */
export class BusSide {
  readonly topics: TopicHub;
  readonly #relay: Relay;
  readonly #options: RelayOptions;
  readonly #gate: Gatekeeper;
  readonly #members = new Map<PeerHandle, BusMember>();
  readonly #lane: Lane;

  constructor(host: PluginHost, relay: Relay, options: RelayOptions, gate: Gatekeeper) {
    this.#relay = relay;
    this.#options = options;
    this.#gate = gate;
    this.#lane = host.lane({
      message: (data, peer) => this.#message(data, peer),
      // A list is made at once: it may be long, and how many are made in one turn is counted.
      request: (data, context) =>
        Array.isArray(data) && data[0] === 'list' ? this.#relay.list() : this.#request(data, context),
    });
    this.topics = new TopicHub(this.#lane, options.maxSubscriptions, (error) => host.report(error));
    host.onDisconnect((peer) => this.#departed(peer));
  }

  #member(handle: PeerHandle): BusMember {
    const known = this.#members.get(handle);
    if (known !== undefined) return known;
    const key = this.#gate.key(requester(handle)) ?? `bus:${handle.id ?? ''}`;
    const member = new BusMember(handle, this.#lane, key, this.#options.maxChannels);
    this.#members.set(handle, member);
    return member;
  }

  /** Whoever closes leaves its rooms first; what is left now was cut off. */
  #departed(handle: PeerHandle): void {
    const member = this.#members.get(handle);
    if (member === undefined) return;
    this.#members.delete(handle);
    member.depart();
    this.topics.forget(member);
    this.#relay.remove(member, Reason.DISCONNECT);
  }

  #message(data: unknown, handle: PeerHandle): Promise<void> | void {
    if (data instanceof Uint8Array) this.#frame(data, this.#member(handle));
    else if (Array.isArray(data)) return this.#note(data as unknown as PeerNote, this.#member(handle));
    return undefined;
  }

  /** What is addressed to a room that is gone, or comes from somebody who is not in it, goes nowhere. */
  #frame(frame: Uint8Array, member: BusMember): void {
    const parcel = Parcel.read(frame);
    const room = parcel === undefined ? undefined : this.#relay.room(parcel.room);
    if (parcel === undefined || room === undefined || parcel.kind === cargo.stream) return;
    if (room.owner === member && parcel.toAll) {
      this.#relay.broadcast(room, parcel);
      return;
    }
    const seat = room.seated(parcel.user);
    if (seat === undefined || parcel.toAll) return;
    if (room.owner === member) {
      const taken = this.#relay.toUser(room, parcel);
      this.#whenTaken(taken, () => {
        seat.creditForOwner = credit(member, seat, seat.creditForOwner + parcel.body.length + messageCost);
      });
    } else if (seat.member === member) {
      const taken = this.#relay.toOwner(seat, parcel);
      this.#whenTaken(taken, () => {
        seat.creditForUser = credit(member, seat, seat.creditForUser + parcel.body.length + messageCost);
      });
    }
  }

  #whenTaken(taken: Promise<void> | void, then: () => void): void {
    if (taken === undefined) then();
    else void taken.then(then);
  }

  #note(note: PeerNote, member: BusMember): Promise<void> | void {
    switch (note[0]) {
      case 'publish':
        return this.#permitted(member, 'publish', note[1], () => void this.topics.publish(note[1], note[2]));
      case 'subscribe':
        return this.#permitted(member, 'subscribe', note[1], () => this.topics.subscribe(member, note[1]));
      case 'unsubscribe':
        return this.#permitted(member, undefined, note[1], () => this.topics.unsubscribe(member, note[1]));
      default:
        this.#roomNote(note, member);
        return undefined;
    }
  }

  #roomNote(
    note: Extract<PeerNote, readonly ['leave' | 'kick' | 'block' | 'unblock' | 'skip', ...unknown[]]>,
    member: BusMember,
  ): void {
    const room = this.#relay.room(note[1]);
    if (room === undefined) return;
    if (room.owner !== member) {
      const seat = member.entered.values().find((taken) => taken.room === room);
      if (note[0] === 'leave' && seat !== undefined) this.#relay.leave(seat, Reason.CLOSE);
      return;
    }
    if (note[0] === 'leave') this.#relay.close(room, Reason.CLOSE);
    else if (note[0] === 'unblock') this.#relay.unblock(room, note[2]);
    else if (note[0] === 'skip') room.skipped = new Set(note[2]);
    else this.#putOut(room, note);
  }

  #putOut(room: Room, note: Extract<PeerNote, readonly ['kick' | 'block', ...unknown[]]>): void {
    const seat = room.seated(note[2]);
    const text = typeof note[3] === 'string' ? note[3].slice(0, 1_000) : undefined;
    if (seat === undefined) return;
    if (note[0] === 'kick') this.#relay.kick(seat, Reason.KICK, text);
    else this.#relay.block(seat, text);
  }

  /**
   * Without `authorize` at once; with it one after the other, so that a peer's topics keep their order. Where there is no
   * action, nobody is asked.
   */
  #permitted(
    member: BusMember,
    action: 'publish' | 'subscribe' | undefined,
    id: unknown,
    run: () => void,
  ): Promise<void> | void {
    if (this.#gate.open) return run();
    const turn = member.permits.then(async () => {
      if (action === undefined || (await this.#gate.admits(action, String(id), requester(member.handle)))) run();
    });
    member.permits = turn.catch(() => undefined);
    return turn;
  }

  async #request(data: unknown, { peer }: LaneRequestContext): Promise<unknown> {
    if (!Array.isArray(data)) throw new BusError('ERR_INVALID_ARGUMENT', 'This is no request of the channels lane.');
    const request = data as unknown as PeerRequest;
    const member = this.#member(peer);
    if (request[0] !== 'create' && request[0] !== 'enter')
      throw new BusError('ERR_INVALID_ARGUMENT', 'Unknown request.');
    const [action, handle, id] = request;
    if (typeof id !== 'string' || !Number.isSafeInteger(handle)) {
      throw new BusError('ERR_INVALID_ARGUMENT', 'A channel has a string as its id.');
    }
    if (!(await this.#gate.decides(action, id, requester(peer)))) return [Reason.ID, 'The relay refused.'];
    if (!member.present) return [Reason.DISCONNECT, null];
    return action === 'create'
      ? this.#create(member, handle, id, request[3])
      : this.#enter(member, handle, id, request[3]);
  }

  #create(member: BusMember, handle: number, id: string, given: unknown): unknown {
    const asked = isRecord(given) ? given : {};
    const limits = this.#gate.limits(asked);
    const room = this.#relay.create({ id, owner: member, limits, listed: asked['listed'] !== false });
    if (typeof room === 'string') return [refusalReason[room], refusalSentence[room]];
    member.tell(['created', handle, room.admission(room.number)]);
    return null;
  }

  #enter(member: BusMember, handle: number, id: string, maxChunkBytes: unknown): unknown {
    const chunk = enterTable.maxChunkSize.accepts(maxChunkBytes) ? Number(maxChunkBytes) : undefined;
    const refusal = this.#relay.enter(member, id, chunk, (seat) => {
      member.tell(['entered', handle, seat.room.admission(seat.number), seat.token, seat.room.owner.peer]);
    });
    return refusal === undefined ? null : [refusalReason[refusal], refusalSentence[refusal]];
  }
}

/** Tells a sender what was accepted, a quarter of its window at a time; returns what it was not told of yet. */
function credit(member: BusMember, { room, token }: Seat, bytes: number): number {
  if (bytes < windowBytes / 4) return bytes;
  member.tell(['credit', room.serial, token, bytes]);
  return 0;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function requester(handle: PeerHandle): Requester {
  return { id: handle.id ?? '', joint: false, remoteAddress: handle.remoteAddress, connection: handle };
}
