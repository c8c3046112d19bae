import process from 'node:process';
import { WebSocket } from 'ws';
import { end } from '../program.ts';

// A driver that knows nothing of busbar: a plain WebSocket client. It prints what its devices do and answers "reply".
const names = ['OPENED', 'CLOSED', 'RECEIVED', 'WRITE', 'CLOSE'];
const [url = 'ws://127.0.0.1:3000/api/server/tcp_dispatch?bearer_token=testing&port=6001&accept=127.0.0.1'] =
  process.argv.slice(2);

if (!/^wss?:/.test(url) || !URL.canParse(url)) end('usage: node driver.js [ws://HOST:PORT/PATH]', 2);
const socket = new WebSocket(url);
socket.on('message', (bytes: Buffer) => {
  const end = bytes.indexOf(0, 1);
  const address = bytes.toString('latin1', 1, end);
  const id = bytes.readBigUInt64BE(end + 1);
  const data = bytes.subarray(end + 13);
  process.stdout.write(`${names[bytes.readUInt8(0)]} ${address} ${id} ${JSON.stringify(data.toString('latin1'))}\n`);
  if (bytes[0] !== 2) return;
  const answer = Buffer.concat([bytes.subarray(0, end + 9), Buffer.from([0, 0, 0, 5]), Buffer.from('reply')]);
  answer[0] = 3;
  socket.send(answer);
});
socket.on('close', (code, reason) => process.stdout.write(`the WebSocket closed with ${code} ${reason}\n`));
socket.on('error', (error) => process.stdout.write(`${error.message}\n`));
