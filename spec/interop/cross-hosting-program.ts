import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { join } from 'node:path';

// A bridge and a machine of discord-cross-hosting, as its own documentation sets them up, out of the folder named; it prints what both say.
const [folder = ''] = process.argv.slice(2);
const { Bridge, Client } = createRequire(join(folder, 'program.js'))('discord-cross-hosting');
const say = (...words: unknown[]): void =>
  console.log(...words.map((word) => (typeof word === 'string' ? word : JSON.stringify(word))));

async function tell(what: string, promise: Promise<unknown>): Promise<void> {
  say(
    what,
    await promise.catch((error: unknown) => `rejected ${error instanceof Error ? error.message : String(error)}`),
  );
}

const heard = (emitter: any, event: string): Promise<any> => new Promise((resolve) => emitter.once(event, resolve));

async function run(port: number): Promise<void> {
  const shared = { authToken: 'secret', host: '127.0.0.1', port, retries: 1 };
  const bridge = new Bridge({
    port,
    listenOptions: { host: '127.0.0.1' },
    authToken: 'secret',
    totalShards: 4,
    totalMachines: 2,
    shardsPerCluster: 1,
    token: 'x',
  });
  bridge.on('debug', (text: string) =>
    say('bridge debug', text.replaceAll(/\[[\w-]{16,}\]/g, '[id]').replaceAll(/:\d+$/g, ':port')),
  );
  bridge.on('clientMessage', ({ raw }: any, { agent }: any) => say('bridge message', raw.text, agent));
  bridge.on('clientRequest', (message: any) => message.reply({ data: `pong ${message.raw.ask}` }));
  bridge.on('disconnect', ({ agent }: any) => say('bridge disconnect', agent ?? 'nobody'));
  await bridge.start();
  const client = new Client({ ...shared, agent: 'bot', rollingRestarts: false });
  client.on('debug', (text: string) => say('client debug', text));
  client.on('bridgeRequest', (message: any) => message.reply({ data: 'from the client' }));
  client.on('error', (error: unknown) => say('client error', String(error)));
  client.listen({ clusters: new Map(), broadcastEval: async (script: string) => [`ran ${script}`] });
  await tell(
    'connect',
    client.connect().then((same: unknown) => same === client),
  );
  const stranger = new Client({ ...shared, authToken: 'wrong', agent: 'bot' });
  const refused = heard(stranger, 'close');
  await tell(
    'stranger',
    stranger.connect().then(() => 'connected'),
  );
  await tell('stranger closed', refused);
  await bridge.initializeShardData();
  const message = heard(bridge, 'clientMessage');
  await tell('send', client.send({ text: 'hello', _type: 0 }));
  await message;
  await tell('request', client.request({ ask: 1, _type: 0, nonce: 'a' }));
  await tell('shards', client.requestShardData({ timeout: 2_000 }));
  await tell('everywhere', client.broadcastEval('this.guilds', { timeout: 2_000 }));
  const [machine] = [...bridge.clients.values()];
  await tell('to the client', machine.request({ question: 1, _type: 0, nonce: 'b' }));
  const told = heard(client, 'bridgeMessage');
  await tell('message', machine.send({ text: 'from the bridge', _type: 0 }));
  say('client message', (await told).raw.text);
  const gone = heard(bridge, 'disconnect');
  const closed = heard(client, 'close');
  await tell('closed', client.close('done'));
  await closed;
  await gone;
  say('machines', bridge.clients.size);
  await tell(
    'bridge closed',
    bridge.close().then((same: unknown) => same === bridge),
  );
}

const probe = createServer().listen(0, '127.0.0.1', () => {
  const address = probe.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  probe.close(() => {
    run(port).then(
      () => process.exit(),
      (error: unknown) => {
        say('failed', String(error));
        process.exit(1);
      },
    );
  });
});
