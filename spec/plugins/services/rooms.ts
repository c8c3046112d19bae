import { expect } from 'chai';
import type { KeyedService, OwnOptions, ServiceContext, Services } from '../../../lib/plugins/services/index.ts';
import { type Bee, Gate, type Hive } from './hive.ts';

export interface Calls {
  join(player: string): string;
  wait(player: string): Promise<string>;
}

/** What a room says of itself; the log is of all rooms of a spec. */
class Room {
  readonly key: string;
  readonly owner: string;
  readonly epoch: number;
  readonly players: string[];
  readonly #rooms: Rooms;

  constructor(rooms: Rooms, key: string, players: readonly string[], epoch: number) {
    this.#rooms = rooms;
    this.key = key;
    this.owner = rooms.name;
    this.players = [...players];
    this.epoch = epoch;
  }

  join(player: string, context: ServiceContext): string {
    expect(context.epoch).to.equal(this.epoch);
    this.players.push(player);
    return `${this.owner}: ${this.players.join()}`;
  }

  async wait(player: string): Promise<string> {
    this.players.push(player);
    const gate = new Gate();
    this.#rooms.gates.set(player, gate);
    await gate.passed;
    return `${this.owner}: ${this.players.join()}`;
  }
}

/** The rooms of one member. */
export class Rooms {
  readonly name: string;
  readonly open = new Map<string, Room>();
  readonly gates = new Map<string, Gate>();
  readonly lost: string[] = [];
  /** What opening and closing wait for, or fail with. */
  opening: () => unknown = () => undefined;
  closing: () => unknown = () => undefined;

  constructor(name: string) {
    this.name = name;
  }

  get definition(): KeyedService<Room> {
    return {
      methods: ['join', 'wait'],
      open: async (key, state, { epoch }) => {
        await this.opening();
        const room = new Room(this, key, (state as string[] | undefined) ?? [], epoch);
        this.open.set(key, room);
        return room;
      },
      close: async (room, key) => {
        await this.closing();
        this.open.delete(key);
        return room.players;
      },
      lost: (room, key) => {
        if (this.open.get(key) === room) this.open.delete(key);
      },
    };
  }
}
/** A member that owns the rooms of one name. */
export async function member(
  hive: Hive,
  name: string,
  options: OwnOptions = {},
): Promise<Bee & { rooms: Rooms; id: string }> {
  const rooms = new Rooms(name);
  const bee = await hive.member({ name }, (mine: Services) => {
    mine.own('room', rooms.definition, options);
    mine.on('lost', (service, key) => {
      rooms.lost.push(`${service} ${key}`);
    });
  });
  return { ...bee, rooms, id: bee.mine.id ?? '' };
}
