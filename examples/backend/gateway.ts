import { type Connection, Server } from 'busbar';
import { everyone, remote } from 'busbar/rpc';
import { services } from 'busbar/services';
import { argumentsOf } from '../program.ts';
import type { Lobby, Offers, Player } from './contract.ts';
import { again, at, leaveAtEnd } from './member.ts';

// The door for players, and the hub of the back end, which they cannot reach.

const [folder] = argumentsOf('FOLDER');
const players = new Server(at(folder, 'players'));
const back = new Server(at(folder, 'bus'));
const hub = back.use(services());
const matchmaker = hub.service<Offers['matchmaker']>('matchmaker');
const rooms = hub.service<Offers['room']>('room');
hub.provide('audience', {
  tell: (room, ...line) => everyone<Player>(players, { to: room }).$notify.hear(...line),
} satisfies Offers['audience']);
hub.provide('control', {
  keys: (service, memberId) => hub.keys(service, memberId),
  rebalance: (service) => hub.rebalance(service),
} satisfies Offers['control']);

remote(players, (connection: Connection): Lobby => {
  let seat: { readonly room: string; readonly name: string } | undefined;
  return {
    async join(name) {
      seat = { room: await matchmaker.call.find(text(name, 20), again), name };
      connection.join(seat.room);
      return seat.room;
    },
    say(line) {
      if (seat === undefined) throw Object.assign(new Error('Join a room first'), { code: 'E_NO_ROOM' });
      return rooms.key(seat.room).call.say(seat.name, text(line, 1_000));
    },
  };
});

await back.start();
await players.start();
leaveAtEnd(() => Promise.all([players.close(), back.close()]));

/** What players send is a stranger's. */
function text(given: unknown, most: number): string {
  if (typeof given === 'string' && given !== '' && given.length <= most) return given;
  throw Object.assign(new Error(`That is no text of 1 to ${most} characters`), { code: 'E_TEXT' });
}
