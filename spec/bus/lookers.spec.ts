import { fork } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Looker } from '../../lib/bus/inspect/looker.ts';
import { LookersProof, proveLooking } from '../../lib/bus/inspect/lookers-proof.ts';
import { type BusError, Client, type ClientOptions, Server, type ServerOptions } from '../../lib/index.ts';
import { systemRandom } from '../../lib/base/random.ts';
import { FaultProxy, VirtualClock } from '../../lib/testing/index.ts';
import type { Link } from '../../lib/transport/link.ts';
import { ownSecret } from '../../lib/transport/own-secret.ts';
import { until } from '../support/buses.ts';
import { packet, Stranger } from '../support/stranger.ts';

const isRoot = process.getuid?.() === 0;
const nobody = 65_534;
const token = 'a token of some length';
const looker = fileURLToPath(new URL('looker-program.js', import.meta.url));

describe('lookers', () => {
  let folder: string;
  let path: string;
  let servers: Server[];
  let lookers: Looker[];
  let clients: Client[];
  let errors: BusError[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bb-'));
    path = join(folder, 'bus.sock');
    [servers, lookers, clients, errors] = [[], [], [], []];
  });

  afterEach(async () => {
    await Promise.all([...lookers, ...clients].map((end) => end.close()));
    await Promise.all(servers.map((server) => server.close()));
    rmSync(folder, { recursive: true });
  });

  async function serve(options: ServerOptions = {}): Promise<Server> {
    const server = new Server(options.url === undefined ? { path, ...options } : options);
    servers.push(server);
    server.on('error', (error) => void errors.push(error));
    return server.start();
  }

  async function look(options: ClientOptions = { path }, given?: string): Promise<Looker> {
    const opened = await Looker.open(options, { token: given, timeout: 20_000 });
    lookers.push(opened);
    return opened;
  }

  async function enter(name: string): Promise<Client> {
    const client = new Client({ path });
    clients.push(client);
    return client.connect(name);
  }

  const refused = async (options?: ClientOptions, given?: string): Promise<string> =>
    look(options, given).then(
      () => 'let in',
      ({ code }: BusError) => code,
    );

  it('a looker - passes by authorize, is no client of the server, and takes no place of one', async () => {
    const seen: string[] = [];
    const server = await serve({
      max: 1,
      authorize: (payload) => {
        seen.push(`authorize ${String(payload)}`);
        return payload === 'one';
      },
    });
    server.on('connect', (_, payload) => void seen.push(`connect ${String(payload)}`));
    server.on('disconnect', () => void seen.push('disconnect'));
    const first = await look();
    const client = await enter('one');
    client.handle((question) => [question, 'answered']);
    const heard: unknown[] = [];
    client.on('message', (message) => void heard.push(message));
    const second = await look();
    expect(server.connections.map(({ id }) => id)).to.deep.equal([client.id]);
    expect(await second.ask('about', {}, 20_000)).to.deep.include({ pid: process.pid, peers: 1, address: path });
    expect(await server.survey('all')).to.have.lengthOf(1);
    expect(await server.ping()).to.have.lengthOf(1);
    await server.broadcast('to all');
    expect(await first.ask('broadcast', { data: 'shell' }, 20_000)).to.deep.equal({ peers: 1 });
    expect(await first.ask('survey', { data: 1, timeout: 20_000 }, 20_000)).to.deep.equal([
      { peer: client.id, status: 'fulfilled', value: [1, 'answered'] },
    ]);
    await until(() => heard.length === 2);
    await first.close();
    expect(seen).to.deep.equal(['authorize one', 'connect one']);
    expect(errors).to.deep.equal([]);
  });

  it('the secret - is a file of mode 0600 in a folder of mode 0700 of this user', async () => {
    const { path: file, text } = ownSecret(systemRandom) ?? { path: '', text: '' };
    const [ofFile, ofFolder] = [statSync(file), statSync(dirname(file))];
    expect([ofFile.mode & 0o777, ofFile.uid, ofFolder.mode & 0o777, ofFolder.uid]).to.deep.equal([
      0o600,
      process.getuid?.(),
      0o700,
      process.getuid?.(),
    ]);
    expect(ownSecret(systemRandom)).to.deep.equal({ path: file, text });
  });

  it('tcp and memory - have no such door without a token, and one with it', async () => {
    await serve({ url: 'memory:dark' });
    await serve({ url: 'memory:seen', inspect: { token } });
    const dark = await serve({ url: 'tcp:127.0.0.1:0' });
    const seen = await serve({ url: 'tcp:127.0.0.1:0', inspect: { token } });
    for (const options of [{ url: 'memory:dark' }, { port: dark.port }]) {
      expect(await refused(options, token)).to.equal('ERR_UNAUTHORIZED');
    }
    for (const options of [{ url: 'memory:seen' }, { port: seen.port }]) {
      expect(await refused(options)).to.equal('ERR_UNAUTHORIZED');
      expect(await refused(options, `${token}x`)).to.equal('ERR_UNAUTHORIZED');
      expect(await refused(options, token)).to.equal('let in');
    }
    expect(errors).to.deep.equal([]);
  });

  it('inspect: false - lets nobody in; a token is another way in at a socket file', async () => {
    const server = await serve({ inspect: false });
    expect(await refused({ path }, token)).to.equal('ERR_UNAUTHORIZED');
    await server.close();
    await serve({ inspect: { token } });
    expect(await refused()).to.equal('let in');
    for (const inspect of [{ token: 'short' }, {}, true, 'x']) {
      expect(() => new Server({ path, inspect: inspect as never }), JSON.stringify(inspect)).to.throw(
        /Option "inspect"/,
      );
    }
  });

  it('another user - is refused without the token, though it may connect, and root is not', async function () {
    if (!isRoot) this.skip();
    await serve({ inspect: { token }, listenOptions: { readableAll: true, writableAll: true } });
    const comesTo = (uid: number, given = ''): Promise<unknown> => {
      const child = fork(looker, [path, String(uid), given], { execArgv: [] });
      return new Promise((resolve) => child.once('message', resolve));
    };
    chmodSync(folder, 0o755);
    expect(await comesTo(nobody)).to.equal('ERR_UNAUTHORIZED');
    expect(await comesTo(nobody, 'another token of length')).to.equal('ERR_UNAUTHORIZED');
    expect(await comesTo(nobody, token)).to.equal('let in');
    expect(await comesTo(0)).to.equal('let in');
  });

  it('a proof - is of one question, and a wrong one or none is no proof', async () => {
    const asked: { nonce: string; file: string }[] = [];
    const link = { kind: 'unix', remote: path } as Link;
    const check = (answer: (question: never) => unknown): Promise<unknown> =>
      new LookersProof(token)
        .check(link, (question) => {
          asked.push(question as never);
          return Promise.resolve(answer(question as never));
        })
        .catch(({ code }: BusError) => code);
    await serve();
    const right = (question: unknown): object => proveLooking(question, link, undefined);
    let kept: unknown;
    expect(await check((question) => (kept = right(question)))).to.equal(true);
    expect(await check((question) => proveLooking(question, link, token))).to.equal(true);
    const [{ nonce, file } = { nonce: '', file: '' }] = asked;
    const wrong: unknown[] = [
      kept,
      {},
      null,
      'x',
      { byFile: '' },
      { byFile: 'A'.repeat(44) },
      { byFile: 44, byToken: {} },
      { byToken: (kept as { byFile: string }).byFile },
      { byFile: createHmac('sha256', '').update(nonce).digest('base64') },
    ];
    for (const answer of wrong) expect(await check(() => answer), JSON.stringify(answer)).to.equal('ERR_UNAUTHORIZED');
    expect(new Set(asked.map((question) => question.nonce))).to.have.lengthOf(asked.length);
    // A server gets no proof of a file that is not the secret of its own user.
    for (const other of ['/etc/passwd', join(folder, 'inspect.key'), dirname(file)]) {
      expect(proveLooking({ nonce, file: other }, link, undefined)).to.deep.equal({});
    }
    expect(proveLooking({ nonce: 'n'.repeat(257), file }, link, token)).to.deep.equal({});
  });

  it('who asks for the door and proves nothing - gets nothing, is one of the unauthorised, and goes', async () => {
    const server = await serve({ handshakeTimeoutMs: 300, maxUnauthorized: 8 });
    const hello = {
      compress: false,
      messagepack: true,
      extras: 'busbar.inspect',
      id: null,
      busbar: { versions: [1], features: ['credentials'], maxFrameBytes: 65_536 },
    };
    const strangers = await Promise.all(Array.from({ length: 20 }, () => Stranger.at({ path })));
    for (const stranger of strangers) stranger.send(Buffer.concat([Buffer.from('IPC'), packet({ t: 0, d: hello })]));
    await Promise.all(strangers.map(({ closed }) => closed));
    for (const { text } of strangers) expect(text).to.not.include('"id"');
    expect(server.connections).to.deep.equal([]);
    expect(await refused()).to.equal('let in');
  });

  it('a looker that stops reading - is disconnected, and holds nobody up', async () => {
    const clock = new VirtualClock();
    const server = await serve({ clock });
    server.on('message', () => {});
    const through = join(folder, 'through.sock');
    const proxy = await new FaultProxy({ listen: { path: through }, target: { path } }).start();
    try {
      const stuck = await look({ path: through });
      await stuck.ask('tap', { globs: [], sample: 1, whole: true }, 20_000);
      const live = await look();
      proxy.apply({ blackHole: true });
      const client = await enter('talks');
      let heard = 0;
      server.on('message', () => void (heard += 1));
      const body = 'x'.repeat(100_000);
      let rounds = 0;
      await until(async () => {
        rounds += 1;
        for (let n = 0; n < 20; n++) await client.send(body, { confirm: true });
        clock.advance(1_000);
        return rounds > 20;
      });
      expect(heard).to.equal(rounds * 20);
      // The door is not full of those who are gone: 16 more have room.
      for (let n = 0; n < 15; n++) await look();
      expect(await live.ask('about', {}, 20_000)).to.include({ peers: 1 });
    } finally {
      proxy.heal();
      // What waits for its end waits by that clock.
      const ticking = setInterval(() => clock.advance(1_000), 5);
      await Promise.all([...lookers, ...clients].map((end) => end.close()));
      await server.close();
      await proxy.close();
      clearInterval(ticking);
    }
  });

  it('a server that closes - has nobody look at it any more, and starts again without them', async () => {
    const server = await serve();
    const opened = await look();
    const closed = new Promise<void>((resolve) => opened.onClose(resolve));
    await server.close();
    await closed;
    await server.start();
    expect(await (await look()).ask('about', {}, 20_000)).to.include({ peers: 0 });
    const failure = await opened.ask('about', {}, 1_000).catch(({ code }: BusError) => code);
    expect(failure).to.equal('ERR_CLOSED');
    expect(await lookers[1]?.ask('constructor', {}, 20_000).catch(({ code }: BusError) => code)).to.equal(
      'ERR_PEER_LACKS_FEATURE',
    );
  });
});
