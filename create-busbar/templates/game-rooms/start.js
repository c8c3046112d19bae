import { shutdownOn } from 'busbar';
import { Fleet } from 'busbar/fleet';

// The hub, with the processes that it starts, watches and replaces: two that own rooms, and two players.
const file = (/** @type {string} */ name) => new URL(name, import.meta.url);
const fleet = new Fleet(
  {
    rooms: { file: file('rooms.js'), count: 2 },
    players: { file: file('player.js'), count: 2, after: ['rooms'] },
  },
  { path: 'game.sock' },
);
fleet.server.on('error', (error) => console.error('hub:', error.code, error.message));
fleet.on('up', ({ group, number, pid }) => console.log(`hub: ${group} ${number} is process ${pid}`));
fleet.on('down', ({ group, number }, reason) => console.log(`hub: ${group} ${number} is down: ${reason}`));
// SIGHUP replaces the processes with rooms, one after the other: the rooms move with their points.
process.on('SIGHUP', () => void fleet.restart('rooms').then(() => console.log('hub: all rooms run the new code')));
shutdownOn(['SIGINT', 'SIGTERM'], fleet);
await fleet.start();
