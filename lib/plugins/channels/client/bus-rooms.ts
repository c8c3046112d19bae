import type { Lane, LaneSendOptions, PeerHandle, PluginHost } from '../../../bus/plugin.ts';
import { ChannelFrame } from '../channel-frame.ts';
import type { OwnerEnd } from '../ends/owner-end.ts';
import type { UserEnd } from '../ends/user-end.ts';
import {
  type EntryMessage,
  isRefusal,
  isRoomInfo,
  type PeerRequest,
  readRelayMessage,
  type RelayMessage,
  type RoomInfo,
} from '../lane-messages.ts';
import { ChannelError, Reason } from '../reason.ts';
import type { Subscriptions } from '../topics/subscriptions.ts';
import { BusTransport } from './bus-transport.ts';

type End = OwnerEnd | UserEnd;

/** A client's side of the channels lane: brings what the relay sends to the ends it is for. */
export class BusRooms {
  readonly lane: Lane;
  /** The relay, as long as the session with it lasts, be its link up or not. */
  relay: PeerHandle | undefined;
  readonly #subscriptions: Subscriptions;
  readonly #asked = new Map<number, End>();
  /** By the relay's number of the channel. */
  readonly #open = new Map<number, { readonly end: End; readonly transport: BusTransport }>();
  #handle = 0;

  constructor(host: PluginHost, subscriptions: Subscriptions) {
    this.#subscriptions = subscriptions;
    this.lane = host.lane({ message: (data, relay) => this.#receive(data, relay) });
    for (const peer of host.peers) this.relay = peer;
    host.onConnect((peer) => {
      this.relay = peer;
    });
    host.onDisconnect(() => this.#lost());
  }

  create(end: OwnerEnd, limits: Readonly<Record<string, unknown>>, options: LaneSendOptions): Promise<void> {
    return this.#request(end, (handle) => ['create', handle, end.id, limits], options);
  }

  enter(end: UserEnd, maxChunkBytes: number | undefined, options: LaneSendOptions): Promise<void> {
    return this.#request(end, (handle) => ['enter', handle, end.id, maxChunkBytes ?? null], options);
  }

  async list(options: LaneSendOptions): Promise<RoomInfo[]> {
    const listed = await this.lane.request(this.reachable(), ['list'] satisfies PeerRequest, options);
    return Array.isArray(listed) ? listed.filter(isRoomInfo) : [];
  }

  /** Leaves and closes everything; the other sides hear `CLOSE`. */
  closeAll(): void {
    for (const { end } of this.#open.values()) end.quit();
    this.#prune();
  }

  async #request(
    end: End,
    request: (handle: number) => PeerRequest,
    { timeout, signal }: LaneSendOptions,
  ): Promise<void> {
    const relay = this.reachable();
    const handle = ++this.#handle;
    this.#asked.set(handle, end);
    try {
      const answer = await this.lane.request(relay, request(handle), { timeout, signal });
      if (isRefusal(answer)) throw new ChannelError(answer[0], answer[1] ?? undefined);
    } finally {
      // An admission that comes later finds nobody waiting and is given back.
      this.#asked.delete(handle);
    }
  }

  /** The relay. @throws BusError `ERR_CHANNEL` while there is none. */
  reachable(): PeerHandle {
    const { relay } = this;
    if (relay === undefined) throw new ChannelError(Reason.DISCONNECT, 'The client is not connected to a relay');
    return relay;
  }

  #receive(data: unknown, relay: PeerHandle): void {
    if (data instanceof Uint8Array) {
      const frame = ChannelFrame.read(data);
      if (frame !== undefined) this.#open.get(frame.room)?.end.deliver(frame);
      return;
    }
    const message = readRelayMessage(data);
    if (message[0] === 'topic') this.#subscriptions.deliver(message[1], message[2]);
    else if (message[0] === 'created' || message[0] === 'entered') this.#admitted(message, relay);
    else this.#told(message);
  }

  #told(message: Exclude<RelayMessage, EntryMessage | readonly ['topic', ...unknown[]]>): void {
    const room = message[1];
    const open = this.#open.get(room);
    if (open === undefined) return;
    if (message[0] === 'credit') {
      open.transport.credit(message[2], message[3]);
      return;
    }
    if (message[0] === 'userDisconnect') open.transport.forget(message[2]);
    open.end.told(message);
    if (open.end.closed !== undefined) this.#forget(room);
  }

  #admitted(message: EntryMessage, relay: PeerHandle): void {
    const [, handle, { room }] = message;
    const end = this.#asked.get(handle);
    const transport = new BusTransport(this.lane, relay, room);
    if (end === undefined) {
      transport.leave();
      return;
    }
    this.#prune();
    this.#open.set(room, { end, transport });
    end.admitted(message, transport);
  }

  /** Releases ends that their users closed. */
  #prune(): void {
    for (const [room, { end }] of this.#open) if (end.closed !== undefined) this.#forget(room);
  }

  #forget(room: number): void {
    this.#open.get(room)?.transport.flush();
    this.#open.delete(room);
  }

  #lost(): void {
    this.relay = undefined;
    const ends = Array.from(this.#open.values(), ({ end }) => end);
    for (const room of [...this.#open.keys()]) this.#forget(room);
    for (const end of ends) end.lost();
  }
}
