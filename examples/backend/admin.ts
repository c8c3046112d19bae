import { Client } from 'busbar';
import { callOptions } from 'busbar/rpc';
import { services } from 'busbar/services';
import { argumentsOf, end } from '../program.ts';
import type { Offers } from './contract.ts';
import { at } from './member.ts';

// status room; rebalance room; restart rooms: what is asked of a service or of a group of processes.

const [folder, command, name] = argumentsOf('FOLDER', 'COMMAND', 'NAME');
const client = new Client({ ...at(folder, 'bus'), retries: 0 });
const mine = client.use(services());
const control = mine.service<Offers['control']>('control');
await client.connect();

if (command === 'status') {
  for (const one of await mine.members(name))
    console.log(one.name, one.state, ...(await control.call.keys(name, one.id)));
} else if (command === 'rebalance') {
  console.log(await control.call.rebalance(name), 'keys have moved');
} else if (command === 'restart') {
  await control.call.restart(name, callOptions({ timeout: 60_000 }));
} else end('COMMAND is status, rebalance or restart', 2);
await client.close();
