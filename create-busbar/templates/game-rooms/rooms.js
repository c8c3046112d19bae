import { connect } from './connect.js';
import { Room } from './room.js';

// Owns rooms. Run as many of these as you like; each room is in one of them at a time.
const name = process.argv[2] ?? `rooms-${process.pid}`;
await connect(name, (mine) =>
  mine.own('room', {
    methods: ['score'],
    /** @type {(key: string, state?: unknown) => Room} */
    open(key, state) {
      console.log(`${name}: opens room ${key}`);
      return new Room(/** @type {[string, number][] | undefined} */ (state));
    },
    /** @type {(room: Room) => unknown} */
    close: (room) => room.state,
  }),
);
