import type { Lane, LaneSendOptions, PeerHandle, PluginHost } from '../../../bus/plugin.ts';
import type { OwnerEnd } from '../ends/owner-end.ts';
import type { UserEnd } from '../ends/user-end.ts';
import { isRefusal, type PeerRequest, type RelayNote } from '../notes.ts';
import { ChannelError, Reason } from '../reason.ts';
import { Parcel } from '../relay/parcel.ts';
import type { RoomInfo } from '../relay/relay.ts';
import type { Subscriptions } from '../topics/subscriptions.ts';
import { BusLine } from './bus-line.ts';

type End = OwnerEnd | UserEnd;

/** What may wait in one's own process for one receiver that does not keep up. */
const maxQueuedBytes = 8_388_608;

/** A client's side of the channels lane: brings what the relay sends to the ends it is for. */
export class BusRooms {
  readonly lane: Lane;
  /** The relay, as long as the session with it lasts, be its link up or not. */
  relay: PeerHandle | undefined;
  readonly #subscriptions: Subscriptions;
  readonly #asked = new Map<number, End>();
  readonly #ends = new Map<number, End>();
  readonly #lines = new Map<number, BusLine>();
  #handle = 0;

  constructor(host: PluginHost, subscriptions: Subscriptions) {
    this.#subscriptions = subscriptions;
    this.lane = host.lane({ message: (data, relay) => this.#message(data, relay) });
    for (const peer of host.peers) this.relay = peer;
    host.onConnect((peer) => {
      this.relay = peer;
    });
    host.onDisconnect(() => this.#lost());
  }

  create(end: OwnerEnd, limits: Readonly<Record<string, unknown>>, options: LaneSendOptions): Promise<void> {
    return this.#open(end, (handle) => ['create', handle, end.id, limits], options);
  }

  enter(end: UserEnd, maxChunkBytes: number | undefined, options: LaneSendOptions): Promise<void> {
    return this.#open(end, (handle) => ['enter', handle, end.id, maxChunkBytes ?? null], options);
  }

  async list(options: LaneSendOptions): Promise<RoomInfo[]> {
    const listed = await this.lane.request(this.#reachable(), ['list'] satisfies PeerRequest, options);
    return Array.isArray(listed) ? (listed as RoomInfo[]) : [];
  }

  /** Leaves and closes everything; the other sides hear `CLOSE`. */
  closeAll(): void {
    for (const end of this.#ends.values()) {
      if ('leave' in end) end.leave();
      else end.close();
    }
    this.#prune();
  }

  async #open(end: End, request: (handle: number) => PeerRequest, options: LaneSendOptions): Promise<void> {
    const relay = this.#reachable();
    const handle = ++this.#handle;
    this.#asked.set(handle, end);
    try {
      const answer = await this.lane.request(relay, request(handle), options);
      if (isRefusal(answer)) throw new ChannelError(answer[0], answer[1] ?? undefined);
    } finally {
      // An admission that comes later finds nobody waiting and is given back.
      this.#asked.delete(handle);
    }
  }

  #reachable(): PeerHandle {
    const { relay } = this;
    if (relay === undefined) throw new ChannelError(Reason.DISCONNECT, 'The client is not connected to a relay.');
    return relay;
  }

  #message(data: unknown, relay: PeerHandle): void {
    if (data instanceof Uint8Array) {
      const parcel = Parcel.read(data);
      if (parcel !== undefined) this.#ends.get(parcel.room)?.deliver(parcel);
    } else if (Array.isArray(data)) {
      this.#note(data as unknown as RelayNote, relay);
    }
  }

  #note(note: RelayNote, relay: PeerHandle): void {
    switch (note[0]) {
      case 'created':
      case 'entered':
        this.#admitted(note, relay);
        return;
      case 'userConnect':
        this.#owner(note[1])?.userConnected(note[2], note[3]);
        return;
      case 'userDisconnect':
        this.#lines.get(note[1])?.forget(note[2]);
        this.#owner(note[1])?.userDisconnected(note[2], note[3]);
        return;
      case 'gone':
        this.#user(note[1])?.dismissed(note[2], note[3] ?? undefined);
        this.#forget(note[1]);
        return;
      case 'closed':
        this.#owner(note[1])?.revoked(note[2]);
        this.#forget(note[1]);
        return;
      case 'trouble':
        this.#ends.get(note[1])?.troubled(note[2], note[3] ?? undefined);
        return;
      case 'credit':
        this.#lines.get(note[1])?.credit(note[2], note[3]);
        return;
      case 'topic':
        this.#subscriptions.deliver(note[1], note[2]);
        return;
      default:
        return;
    }
  }

  #admitted(note: Extract<RelayNote, readonly ['created' | 'entered', ...unknown[]]>, relay: PeerHandle): void {
    const [, handle, admission] = note;
    const end = this.#asked.get(handle);
    const line = new BusLine(this.lane, relay, admission.room, maxQueuedBytes);
    if (end === undefined) {
      line.leave();
      return;
    }
    this.#prune();
    this.#ends.set(admission.room, end);
    this.#lines.set(admission.room, line);
    if (note[0] === 'created') end.admit(admission, line);
    else if ('entered' in end) end.entered(admission, line, note[3], note[4]);
  }

  /** Lets go of ends that their users closed. */
  #prune(): void {
    for (const [room, end] of this.#ends) if (end.closed !== undefined) this.#forget(room);
  }

  #forget(room: number): void {
    this.#lines.get(room)?.flush();
    this.#ends.delete(room);
    this.#lines.delete(room);
  }

  #owner(room: number): OwnerEnd | undefined {
    const end = this.#ends.get(room);
    return end !== undefined && 'revoked' in end ? end : undefined;
  }

  #user(room: number): UserEnd | undefined {
    const end = this.#ends.get(room);
    return end !== undefined && 'dismissed' in end ? end : undefined;
  }

  #lost(): void {
    this.relay = undefined;
    const ends = [...this.#ends.values()];
    for (const room of [...this.#ends.keys()]) this.#forget(room);
    for (const end of ends) {
      if ('lost' in end) end.lost();
      else end.revoked(Reason.CLOSE);
    }
  }
}
