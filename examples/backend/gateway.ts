import { type Connection, Server } from 'busbar';
import { fleetStop } from 'busbar/fleet';
import { everyone, remote } from 'busbar/rpc';
import { argumentsOf } from '../program.ts';
import type { Lobby, Offers, Player } from './contract.ts';
import { again, at, member } from './member.ts';

// The door for players, who cannot reach the hub.

const [folder] = argumentsOf('FOLDER');
const players = new Server(at(folder, 'players'));

await member(async (mine, client) => {
  const matchmaker = mine.service<Offers['matchmaker']>('matchmaker');
  const rooms = mine.service<Offers['room']>('room');
  mine.provide('audience', {
    tell: (room, ...line) => everyone<Player>(players, { to: room }).$notify.hear(...line),
  } satisfies Offers['audience']);
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
  // Players are to come back: to the next gateway, as soon as it is there.
  fleetStop(client, () => players.close(true));
  // What they ask waits until this process is a member.
  await players.start({ takeover: true });
});

/** What players send is a stranger's. */
function text(given: unknown, most: number): string {
  if (typeof given === 'string' && given !== '' && given.length <= most) return given;
  throw Object.assign(new Error(`That is not a text of 1 to ${most} characters`), { code: 'E_TEXT' });
}
