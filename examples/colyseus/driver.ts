import type { IRoomCache, matchMaker, SortOptions } from '@colyseus/core';
import type { Client } from 'busbar';
import { proxy } from 'busbar/rpc';
import { type Conditions, object, type Rooms } from './contract.ts';

type RoomCache = ReturnType<matchMaker.MatchMakerDriver['createInstance']>;

interface Changes {
  readonly $set?: Readonly<Record<string, unknown>>;
  readonly $inc?: Readonly<Record<string, number>>;
}

/** The listing of rooms of Colyseus over the bus. */
export function busDriver(client: Client): matchMaker.MatchMakerDriver {
  const rooms = proxy<Rooms>(client, undefined, { id: object.rooms });
  /** Those of this process. */
  const saved = new Set<RoomCache>();

  // A hub that is new knows of none.
  client.on('ready', () => {
    for (const room of saved) rooms.save({ ...room }).catch(() => undefined);
  });

  function roomOf(values: Conditions): RoomCache {
    const room = {
      ...{ roomId: '', name: '', processId: '', clients: 0, maxClients: Number.POSITIVE_INFINITY, metadata: undefined },
      ...{ locked: false, private: false, unlisted: false, createdAt: new Date() },
      ...values,
    } as unknown as RoomCache;
    const methods = {
      save: async () => {
        saved.add(room);
        await rooms.save({ ...room });
      },
      updateOne: async ({ $set = {}, $inc = {} }: Changes) => {
        Object.assign(room, $set);
        for (const [name, by] of Object.entries($inc)) room[name] = Number(room[name]) + by;
        if (saved.has(room)) await rooms.save({ ...room });
      },
      remove: async () => {
        saved.delete(room);
        await rooms.remove(room.roomId);
      },
    };
    // What is told of a room is its data alone.
    for (const [name, value] of Object.entries(methods)) Object.defineProperty(room, name, { value });
    return room;
  }

  async function query(conditions: Conditions, sort?: SortOptions): Promise<IRoomCache[]> {
    return (await rooms.query(conditions, ...(sort === undefined ? [] : [sort]))).map(roomOf);
  }

  return {
    createInstance: roomOf,
    query,
    has: async (roomId) => (await rooms.query({ roomId })).length > 0,
    findOne: async (conditions, sort) => (await query(conditions, sort))[0] as RoomCache,
    cleanup: (processId) => rooms.cleanup(processId),
    clear: () => void rooms.clear().catch(() => undefined),
    shutdown: () => undefined,
  };
}
