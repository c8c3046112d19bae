import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { type BusError, Client, type Connection, Server, type ServerOptions } from '../../lib/index.ts';
import { next, rejected, until } from '../support/buses.ts';
import { command } from '../support/command.ts';
import { root } from '../support/repository.ts';
import { fetchRuntime, type Runtime, sources } from '../support/runtimes.ts';

const program = fileURLToPath(new URL('./credentials-program.js', import.meta.url));
const isRoot = process.getuid?.() === 0;
const nobody = 65_534;
const own = process.getuid?.() ?? 0;
const proofs = (): string[] => readdirSync('/tmp').filter((name) => name.startsWith('.busbar-'));

describe('credentials of peers', function () {
  let folder: string;
  let path: string;
  let server: Server;
  let client: Client;
  let children: ChildProcess[];

  before(function () {
    if (process.platform === 'win32') this.skip();
  });

  beforeEach(() => {
    folder = mkdtempSync('/var/tmp/bb-');
    chmodSync(folder, 0o755);
    path = join(folder, 's');
    children = [];
  });

  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.map(async (child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')));
    await client?.close();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
    expect(proofs()).to.deep.equal([]);
  });

  function serve(options: ServerOptions = {}): Promise<Server> {
    server = new Server({ path, listenOptions: { writableAll: true }, ...options });
    return server.start();
  }

  /** What a client of `uid` comes to. */
  async function visit(
    uid: number,
    settings: { readonly execPath?: string; readonly path?: string } = {},
  ): Promise<string> {
    const { execPath = process.execPath } = settings;
    const child = fork(program, [settings.path ?? path, String(uid)], { execPath, execArgv: [], cwd: folder });
    children.push(child);
    const [said] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [string];
    return said;
  }

  const asked = (found: unknown[]): ServerOptions => ({
    credentials: true,
    authorize: async (_payload, peer) => {
      const { uid, by } = await peer.credentials();
      found.push({ uid, by });
      return uid !== nobody;
    },
  });

  it('authorize - tells root, this user and another one apart, and refuses whom it does not want', async function () {
    if (!isRoot) this.skip();
    const found: unknown[] = [];
    await serve(asked(found));
    expect([await visit(0), await visit(1), await visit(nobody)]).to.deep.equal([
      'connected',
      'connected',
      'ERR_UNAUTHORIZED The server refused the client',
    ]);
    expect(found).to.deep.equal([0, 1, nobody].map((uid) => ({ uid, by: 'challenge' })));
    await until(() => proofs().length === 0);
  });

  it('Connection - tells it without the option, again and again, also of a session that came back', async () => {
    await serve();
    client = await new Client({ path }).connect();
    const [connection] = server.connections as [Connection];
    expect(await connection.credentials()).to.deep.equal({ uid: own, by: 'challenge' });
    const back = next(client, 'session');
    connection.connection?.destroy();
    await back;
    expect(await Promise.all([connection.credentials(), connection.credentials()])).to.deep.equal([
      { uid: own, by: 'challenge' },
      { uid: own, by: 'challenge' },
    ]);
    await client.close();
    await until(() => !connection.attached);
    expect((await rejected(connection.credentials())).code).to.equal('ERR_CLOSED');
  });

  it('other links, net-ipc clients and servers without the option - reject by name', async () => {
    const codes: string[] = [];
    const authorize: ServerOptions['authorize'] = (_payload, peer) =>
      peer.credentials().then(
        () => true,
        ({ code }: BusError) => codes.push(code) > 0,
      );
    for (const [options, clients] of [
      [{ url: 'memory:credentials', credentials: true, authorize }, {}],
      [{ host: '127.0.0.1', port: 0, credentials: true, authorize }, {}],
      [{ path, authorize }, {}],
      [{ path, credentials: true, authorize }, { native: false }],
    ] as const) {
      server = await new Server(options).start();
      const where = 'port' in options ? { port: server.port } : 'url' in options ? { url: options.url } : { path };
      client = await new Client({ ...where, ...clients }).connect();
      const [connection] = server.connections as [Connection];
      if (!('path' in options) || 'native' in clients) {
        expect((await rejected(connection.credentials())).code).to.equal('ERR_PEER_LACKS_FEATURE');
      }
      await client.close();
      await server.close();
    }
    expect(codes).to.deep.equal([
      'ERR_PEER_LACKS_FEATURE',
      'ERR_PEER_LACKS_FEATURE',
      'ERR_STATE',
      'ERR_PEER_LACKS_FEATURE',
    ]);
  });

  it('a client that cannot prove it, and an `authorize` that lets the error through - is refused for good', async () => {
    await serve(asked([]));
    client = new Client({ path, native: false, retries: 0 });
    const { code, message } = await rejected(client.connect());
    expect([code, message]).to.deep.equal(['ERR_UNAUTHORIZED', 'The client cannot prove its user']);
    expect(server.connections).to.deep.equal([]);
  });

  it('a client that never answers - costs its link, no more, and what it was asked settles', async () => {
    const outcome: Promise<string>[] = [];
    await serve({
      credentials: true,
      handshakeTimeoutMs: 300,
      authorize: (_payload, peer) => {
        const settled = peer.credentials().then(
          () => 'known',
          ({ code }: BusError) => code,
        );
        outcome.push(settled);
        return settled.then(() => true);
      },
    });
    const failed = next(server, 'error');
    const socket = connect(path);
    const hello = {
      extras: null,
      id: null,
      busbar: { versions: [1], features: ['credentials'], maxFrameBytes: 65_536 },
    };
    const packet = Buffer.from(JSON.stringify({ t: 0, d: hello }));
    socket
      .on('error', () => undefined)
      .write(Buffer.concat([Buffer.from('IPC'), Buffer.of(packet.length >> 7, (packet.length & 127) | 128), packet]));
    const [question] = (await once(socket, 'data')) as [Buffer];
    expect(JSON.parse(question.subarray(question.findIndex((byte) => byte > 127) + 1).toString())).to.have.property(
      't',
      7,
    );
    await failed;
    expect(await outcome[0]).to.equal('ERR_TIMEOUT');
    expect(server.connections).to.deep.equal([]);
    socket.destroy();
  });

  it('a server in between, which passes on what it was asked - has no other user prove it to a third one', async function () {
    if (!isRoot) this.skip();
    const found: unknown[] = [];
    await serve(asked(found));
    // Another user's, who has clients of root's connect to a folder of his, and leads its name elsewhere once they have.
    const evil = join(folder, 'evil');
    const passing = createServer((victim) => {
      const onwards = connect(path);
      victim.pipe(onwards).pipe(victim);
      for (const socket of [victim, onwards]) socket.on('error', () => undefined);
    });
    passing.listen(evil);
    await once(passing, 'listening');
    expect(await visit(0, { path: evil })).to.match(/^ERR_UNAUTHORIZED The client did not prove its user/);
    passing.close();
    expect(found).to.deep.equal([]);
  });

  it('a link of another user on the way to the server - has the client prove nothing; one of its own or of root does', async function () {
    if (!isRoot) this.skip();
    const found: unknown[] = [];
    await serve(asked(found));
    const direct = join(folder, 'direct');
    symlinkSync(folder, direct);
    expect(await visit(1, { path: join(direct, 's') })).to.equal('connected');
    const led = join(folder, 'led');
    const made = await command('setpriv', ['--reuid=65534', '--clear-groups', 'ln', '-s', folder, '/tmp/bb-led']);
    expect(made.code, made.stderr).to.equal(0);
    try {
      expect(await visit(1, { path: '/tmp/bb-led/s' })).to.match(/^ERR_UNAUTHORIZED .*link of another user/);
    } finally {
      rmSync('/tmp/bb-led');
    }
    expect(found, led).to.deep.equal([{ uid: 1, by: 'challenge' }]);
  });

  for (const source of sources.filter(({ packageName }) => packageName.startsWith('node-'))) {
    it(`${source.name} - tells them apart as server and as client, by the kernel where it can`, async function () {
      if (!isRoot) this.skip();
      const runtime: Runtime | undefined = await fetchRuntime(source, 20_000);
      if (runtime === undefined) this.skip();
      const by = source.version === '26' ? 'kernel' : 'challenge';
      const code = `
        import { Server } from ${JSON.stringify(pathToFileURL(join(root, 'dist/index.js')).href)};
        const server = new Server({
          path: ${JSON.stringify(path)}, listenOptions: { writableAll: true }, credentials: true,
          authorize: async (_, peer) => { console.log(JSON.stringify(await peer.credentials())); return true; },
        });
        await server.start();
        process.stdin.on('end', () => server.close()).resume();
        console.log('listening');`;
      const child = fork('-e', [code], {
        execPath: runtime.program,
        execArgv: ['--input-type=module', '--no-warnings'],
        stdio: ['pipe', 'pipe', 'inherit', 'ipc'],
      });
      children.push(child);
      let said = '';
      child.stdout?.on('data', (bytes: Buffer) => (said += bytes.toString()));
      await until(() => said.includes('listening'));
      const pids: (number | undefined)[] = [];
      for (const [uid, execPath] of [
        [0, process.execPath],
        [1, runtime.program],
        [nobody, runtime.program],
      ] as const) {
        expect(await visit(uid, { execPath })).to.equal('connected');
        pids.push(children.at(-1)?.pid);
      }
      await until(() => said.split('\n').length === 5);
      const told = said
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => JSON.parse(line) as object);
      expect(told).to.deep.equal(
        [0, 1, nobody].map((uid, at) => (by === 'kernel' ? { uid, gid: uid, pid: pids[at], by } : { uid, by })),
      );
    });
  }
});
