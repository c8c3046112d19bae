import { BusError } from '../../../base/errors.ts';
import { SlotTable } from '../../../base/slot-table.ts';
import type { LaneHandlers, LaneRequestContext, PeerHandle, PluginHost } from '../../../bus/plugin.ts';
import type { World } from '../../cluster/index.ts';
import { SpanningLane } from '../../cluster/internal.ts';
import { ChannelFrame } from '../channel-frame.ts';
import {
  isRoomInfo,
  type PeerRequest,
  readRelayMessage,
  type RelayMessage,
  type RoomInfo,
  type RoomMessage,
} from '../lane-messages.ts';
import { Reason } from '../reason.ts';
import type { Relay } from './relay.ts';

/** The numbers that ends have for rooms of other nodes follow those of the rooms of their own. */
const firstNumber = 128;
/** How long a node may take to list its rooms. */
const listMs = 2_000;

/** A client of this node in a room of another one. */
interface Place {
  readonly client: PeerHandle;
  readonly node: string;
  /** The number of the room there, and the one that stands for it here. */
  readonly there: number;
  readonly here: number;
  readonly number: number;
}

export interface RoomNodesOptions {
  readonly host: PluginHost;
  readonly world: World;
  readonly relay: Relay;
  readonly handlers: LaneHandlers;
  /** Most rooms that a client may be in. */
  readonly maxChannels: number;
  left(peer: PeerHandle): void;
}

/** Rooms whose owners are clients of other nodes: each stays with the relay of its owner's node, which users of any node enter. */
export class RoomNodes {
  readonly lane: SpanningLane;
  readonly #options: RoomNodesOptions;
  readonly #places = new Map<number, Place>();
  readonly #byClient = new Map<PeerHandle, SlotTable<Place>>();
  /** Rooms that are about to be opened here. */
  readonly #creating = new Set<string>();
  #listing: Promise<RoomInfo[]> | undefined;

  constructor(options: RoomNodesOptions) {
    this.#options = options;
    const { host, world, relay, handlers } = options;
    this.lane = new SpanningLane('channels', host, world, {
      ...handlers,
      left: (peer) => options.left(peer),
      toClient: (data, client, node) => this.#toClient(data, client, node),
      lost: (node) => this.#lost(node),
      list: () => relay.listed(),
      // Of two nodes that open one room at the same time, the first by its name does.
      has: (id, from) => relay.named(id) !== undefined || (this.#creating.has(id) && this.lane.own < from),
    });
    host.onDisconnect((client) => {
      for (const { here } of this.#of(client)) this.#places.delete(here);
      this.#byClient.delete(client);
    });
  }

  /** The node that has a room. */
  find(id: string): Promise<string | undefined> {
    return this.lane.find(id);
  }

  /** Runs `create` where no other node has a room of this id; true where one does. */
  async isTaken(id: string, create: () => void): Promise<boolean> {
    this.#creating.add(id);
    try {
      if ((await this.find(id)) !== undefined) return true;
      create();
      return false;
    } finally {
      this.#creating.delete(id);
    }
  }

  /** How many rooms of other nodes a client is in. */
  sizeOf(client: PeerHandle): number {
    return this.#byClient.get(client)?.size ?? 0;
  }

  /** A client of this node enters a room of another one. */
  enter(node: string, request: PeerRequest, { peer, deadline, signal }: LaneRequestContext): Promise<unknown> {
    return this.lane.ask(peer, node, request, { timeout: deadline ?? 0, signal });
  }

  /** The rooms of the other nodes; those who ask at the same time get one list. */
  async list(): Promise<RoomInfo[]> {
    this.#listing ??= this.#list().finally(() => (this.#listing = undefined));
    return this.#listing;
  }

  /** A client sends a frame. Undefined where it is not for a room of another node. */
  frame(bytes: Uint8Array, client: PeerHandle): Promise<void> | undefined {
    if (this.#places.size === 0) return undefined;
    const frame = ChannelFrame.read(bytes);
    const place = frame && this.#places.get(frame.room);
    if (frame === undefined || place?.client !== client) return undefined;
    return this.lane.pass(client, place.node, frame.inRoom(place.there).bytes);
  }

  /** The same for other messages. A user can do nothing but leave. */
  message(message: RoomMessage, client: PeerHandle): Promise<void> | undefined {
    const place = this.#places.get(message[1]);
    if (place?.client !== client || message[0] !== 'leave') return undefined;
    this.#forget(place);
    return this.lane.pass(client, place.node, ['leave', place.there] satisfies RoomMessage);
  }

  #of(client: PeerHandle): Place[] {
    return this.#byClient.get(client)?.values() ?? [];
  }

  #toClient(data: unknown, client: PeerHandle, node: string): Promise<void> | undefined {
    const at = (room: number): Place | undefined =>
      this.#of(client).find(({ node: its, there }) => its === node && there === room);
    if (data instanceof Uint8Array) {
      const frame = ChannelFrame.read(data);
      const place = frame && at(frame.room);
      return frame && place && this.lane.send(client, frame.inRoom(place.here).bytes);
    }
    const message = readRelayMessage(data);
    switch (message[0]) {
      case 'entered': {
        const [, handle, membership, token, owner] = message;
        const { here, number } = this.#take(client, node, membership.room);
        const own = { ...membership, room: here, number };
        return this.#tell(client, ['entered', handle, own, token, owner]);
      }
      case 'gone': {
        const place = at(message[1]);
        if (place === undefined) return undefined;
        this.#forget(place);
        return this.#tell(client, ['gone', place.here, message[2], message[3]]);
      }
      case 'trouble': {
        const place = at(message[1]);
        return place && this.#tell(client, ['trouble', place.here, message[2], message[3]]);
      }
      case 'credit': {
        const place = at(message[1]);
        return place && this.#tell(client, ['credit', place.here, message[2], message[3]]);
      }
      default:
        throw new BusError('ERR_PROTOCOL', 'Users of a room of another node are not told that');
    }
  }

  #tell(client: PeerHandle, message: RelayMessage): Promise<void> {
    return this.lane.send(client, message);
  }

  #take(client: PeerHandle, node: string, there: number): Place {
    const places = this.#byClient.get(client) ?? new SlotTable<Place>();
    this.#byClient.set(client, places);
    const here = this.#options.relay.nextSerial();
    const place = places.take((slot) => ({ client, node, there, here, number: firstNumber + slot }));
    this.#places.set(here, place);
    return place;
  }

  #forget({ client, here, number }: Place): void {
    this.#places.delete(here);
    const places = this.#byClient.get(client);
    places?.release(number - firstNumber);
    if (places?.size === 0) this.#byClient.delete(client);
  }

  #lost(node: string): void {
    for (const place of [...this.#places.values()]) {
      if (place.node !== node) continue;
      this.#forget(place);
      // A client that leaves meanwhile needs no word.
      this.#tell(place.client, ['gone', place.here, Reason.DISCONNECT, null]).catch(() => {});
    }
  }

  async #list(): Promise<RoomInfo[]> {
    return (await this.lane.lists(listMs)).filter(isRoomInfo);
  }
}
