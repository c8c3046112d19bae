import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { matchMaker, Server } from '@colyseus/core';
import { WebSocketTransport } from '@colyseus/ws-transport';
import { Client } from 'busbar';
import { argumentsOf } from '../program.ts';
import { busDriver } from './driver.ts';
import { busPresence } from './presence.ts';
import { SumRoom } from './sum-room.ts';

// One process of a game on Colyseus: any number of them, around one hub, have the rooms of all.

const [path] = argumentsOf('PATH');
const client = new Client({ path });
const presence = busPresence(client);
const driver = busDriver(client);
await client.connect();

const http = createServer();
await once(http.listen(0, '127.0.0.1'), 'listening');
const { port } = http.address() as AddressInfo;
const game = new Server({
  presence,
  driver,
  transport: new WebSocketTransport({ server: http }),
  // Where players of this process's rooms connect, whoever told them of the room.
  publicAddress: `127.0.0.1:${port}`,
  greet: false,
});
game.define('sum', SumRoom);
await matchMaker.accept();
console.log(`ready at ${port}`);
