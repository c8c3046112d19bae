import process from 'node:process';
import { Client } from 'busbar';

/** A process that a spec starts by `server.spawn`, without a tracer: asks its server because of what it is asked and told. */
const client = new Client({ url: 'parent:' });
client.on('message', () => client.request('because of a message'));
client.handle(async (question) => {
  if (question === 'fail') throw Object.assign(new Error('no'), { code: 'E_NO' });
  await new Promise((resolve) => setTimeout(resolve, 1));
  return client.request({ because: question });
});
await client.connect({ name: process.argv[2] });
