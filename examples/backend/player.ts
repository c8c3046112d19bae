import { Client } from 'busbar';
import { proxy, remote } from 'busbar/rpc';
import { argumentsOf } from '../program.ts';
import type { Lobby, Player } from './contract.ts';
import { again, at } from './member.ts';

// Joins a room, says a line a second there, and prints what is heard.

const [folder, name] = argumentsOf('FOLDER', 'NAME');
const client = new Client(at(folder, 'players'));
const lobby = proxy<Lobby>(client);
remote(client, { hear: (line, who, text) => console.log(`${line} ${who}: ${text}`) } satisfies Player);
client.on('session', ({ outcome }) => {
  if (outcome !== 'resumed') void tell(async () => `in ${await lobby.join(name, again)}`);
});
await client.connect();
setInterval(() => void tell(async () => `said line ${await lobby.say(`hello at ${new Date().toISOString()}`)}`), 1_000);

async function tell(done: () => Promise<string>): Promise<void> {
  console.log(await done().catch((error: NodeJS.ErrnoException) => `refused: ${error.code}`));
}
