import { Client, Server } from '../../lib/index.ts';
import { channels } from '../../lib/plugins/channels/index.ts';
import { remote } from '../../lib/plugins/rpc/index.ts';

// One process of the measurement: the relay, an owner that echoes, or many users. It says when it is up, and answers
// each message with what it counted.

const [role = '', path = '', count = '0'] = process.argv.slice(2);
let usage = process.cpuUsage();
let received = 0;

process.on('message', () => {
  const { user, system } = process.cpuUsage(usage);
  usage = process.cpuUsage();
  process.send?.({ cpuMs: (user + system) / 1_000, received });
  received = 0;
});
process.on('disconnect', () => process.exit());

if (role === 'relay') {
  const server = new Server({ path });
  server.use(channels());
  server.handle((data) => data);
  remote(server, { echo: (data: unknown) => data });
  await server.start();
} else if (role === 'owner') {
  const client = new Client({ path });
  const rooms = client.use(channels());
  await client.connect();
  const owner = await rooms.create('echo');
  owner.on('chunk', (bytes, user) => owner.sendChunk(user, bytes));
  remote(owner, { echo: (data: unknown) => data });
  const sink = await rooms.create('sink');
  sink.on('chunk', () => {
    received += 1;
  });
} else {
  for (let index = 0; index < Number(count); index += 1) {
    const client = new Client({ path });
    const rooms = client.use(channels());
    await client.connect();
    const user = await rooms.enter('crowd');
    user.on('chunk', () => {
      received += 1;
    });
  }
}
process.send?.('up');
