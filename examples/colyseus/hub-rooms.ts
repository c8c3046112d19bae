import type { IRoomCache, SortOptions } from '@colyseus/core';
import type { Connection } from 'busbar';
import type { CallContext } from 'busbar/rpc';
import type { Conditions } from './contract.ts';

interface Listed {
  readonly room: IRoomCache;
  readonly owner: Connection;
}

/** The rooms of all processes; those of one that is gone are gone with it. */
export class HubRooms {
  readonly #listed = new Map<string, Listed>();

  save(room: IRoomCache, { peer: owner }: CallContext<Connection>): void {
    this.#listed.set(room.roomId, { room, owner });
  }

  remove(roomId: string): void {
    this.#listed.delete(roomId);
  }

  query(conditions: Conditions, sort: SortOptions = {}): IRoomCache[] {
    const rooms = [...this.#listed.values()].map(({ room }) => room);
    const meant = rooms.filter((room) => Object.entries(conditions).every(([name, value]) => room[name] === value));
    const fields = Object.entries(sort).map(([name, direction]) => {
      const isUp = direction === 1 || direction === 'asc' || direction === 'ascending';
      return [name, isUp ? 1 : -1] as const;
    });
    return meant.sort((one, other) => {
      for (const [name, direction] of fields) {
        const difference = Number(one[name] > other[name]) - Number(one[name] < other[name]);
        if (difference !== 0) return difference * direction;
      }
      return 0;
    });
  }

  cleanup(processId: string): void {
    this.#removeThose(({ room }) => room.processId === processId);
  }

  clear(): void {
    this.#listed.clear();
  }

  leave(connection: Connection): void {
    this.#removeThose(({ owner }) => owner === connection);
  }

  #removeThose(which: (listed: Listed) => boolean): void {
    for (const [roomId, listed] of this.#listed) if (which(listed)) this.#listed.delete(roomId);
  }
}
