import { Client, shutdownOn } from 'busbar';
import { services } from 'busbar/services';
import { Room } from './room.js';

// Owns rooms. As many of these as there are to be; each room is in one of them at a time.
const name = process.argv[2] ?? `rooms-${process.pid}`;
const client = new Client({ path: 'game.sock', retries: Number.POSITIVE_INFINITY });
client.on('error', (error) => {
  if (error.code !== 'ERR_CONNECT') console.error(`${name}:`, error.code, error.message);
});
const mine = client.use(services({ name }));
await client.connect();
mine.own('room', {
  methods: ['score'],
  /** @type {(key: string, state?: unknown) => Room} */
  open(key, state) {
    console.log(`${name}: opens room ${key}`);
    return new Room(/** @type {[string, number][] | undefined} */ (state));
  },
  /** @type {(room: Room) => unknown} */
  close: (room) => room.state,
});
shutdownOn(['SIGINT', 'SIGTERM'], client);
