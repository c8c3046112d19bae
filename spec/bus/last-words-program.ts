import { argv } from 'node:process';
import { Client } from '../../lib/index.ts';

// Sends as many messages as told and dies at once when all of them are the system's to deliver.
const [url = '', count = '0'] = argv.slice(2);
const client = new Client({ url });
await client.connect();
for (let n = 0; n < Number(count); n++) void client.send({ n, text: 'some of my last words' });
const socket = client.connection;
setInterval(() => {
  if (socket?.writableLength === 0) process.kill(process.pid, 'SIGKILL');
}, 1);
