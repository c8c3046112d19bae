import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { command } from '../support/command.ts';
import { pack, unpack } from '../support/packed.ts';
import { root } from '../support/repository.ts';

const compilers = {
  'TypeScript 7': 'node_modules/typescript/bin/tsc',
  'TypeScript 6': 'node_modules/@typescript/typescript6/bin/tsc6',
};

const strict = {
  target: 'es2022',
  lib: ['es2022'],
  module: 'nodenext',
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  noEmit: true,
};

const game = `
interface Game {
  readonly toServer: { readonly message: number; readonly request: { readonly spawn: string }; readonly response: number };
  readonly toClient: { readonly message: { readonly tick: number }; readonly request: 'status'; readonly response: boolean };
  readonly payload: { readonly token: string };
}
`;

/** Names that are not there, and misuse that has to be one: a type that became any, or was lost, fails the compilation. */
const programs = {
  page: `
import { BusError, Client } from 'busbar/browser';
${game}
const client = new Client<Game>({ url: 'wss://example.org/bus' });
await client.connect({ token: 'x' });
const id: number = await client.request({ spawn: 'x' }, { idempotent: true, signal: AbortSignal.timeout(5) });
client.handle((question, { peer }) => question === 'status' && peer === client && id > 0);
client.on('message', ({ tick }) => void tick.toFixed());
client.on('error', (error) => error instanceof BusError && error.code === 'ERR_CONNECT');
// @ts-expect-error a page has no clients
client.connections;
// @ts-expect-error a message is a number
await client.send('x');
`,
  parts: `
import { Client } from 'busbar/browser';
import { channels } from 'busbar/channels';
import { callOptions, proxy, remote } from 'busbar/rpc';
const client = new Client({ url: 'wss://example.org/bus' });
const room = await client.use(channels()).enter('room');
remote(room, { add: (a: number, b: number) => a + b });
const sum: number = await proxy<{ add(a: number, b: number): number }>(client).add(1, 2, callOptions({ timeout: 5 }));
// @ts-expect-error there is one add and it takes two
await proxy<{ add(a: number, b: number): number }>(client).add(sum);
`,
  node: `
import { type Connection, Client, Server } from 'busbar';
${['channels', 'dispatch', 'gateway', 'interserve', 'joint', 'services', 'telemetry'].map((name) => `import { ${name} } from 'busbar/${name}';`).join('\n')}
import { Client as PageClient } from 'busbar/browser';
import { type Infer, struct, text, u32 } from 'busbar/contract';
import { Log, outbox, type OutboxDatabase } from 'busbar/journal';
import { type Crew, Fleet, fleet, fleetReady } from 'busbar/fleet';
import { cluster, type NodeChange, type World } from 'busbar/cluster';
import { proxy } from 'busbar/rpc';
import { socketIo } from 'busbar/socket.io';
import type { Adapter } from 'socket.io-adapter';
import { VirtualClock } from 'busbar/testing';
const Score = struct('score', { name: text, points: u32 });
const score: Infer<typeof Score> = { name: 'x', points: 1 };
// @ts-expect-error points are a number
Score.of({ name: 'x', points: 'one' });
void Score.of(score);
${game}
const server = new Server<Game>({ port: 0, clock: new VirtualClock(), authorize: ({ token }) => token === 'x' });
const ends = [server.use(channels()), server.use(dispatch()), server.use(gateway()), server.use(interserve()), server.use(joint({ port: 0 })), server.use(services()), server.use(telemetry({ spans: 'all' }))] as const;
server.on('connect', (connection: Connection<Game>, { token }) => {
  connection.connection?.setNoDelay(true);
  connection.on('deadLetter', ({ id }) => connection.deadLetters.retry(id));
  void proxy(connection).$notify;
  return token.length + ends.length;
});
server.handle(({ spawn }, { peer }) => {
  void peer.send({ tick: spawn.length });
  // @ts-expect-error a tick is a number
  void peer.send({ tick: spawn });
  return 1;
});
const client = new Client<Game>({ port: 1 });
const adapters: (typeof Adapter)[] = [server.use(socketIo({ allow: ({ linkKind }) => linkKind === 'unix' })).adapter];
adapters.push(client.use(socketIo()).adapter);
client.handle((question, { peer }) => question === 'status' && peer === client);
void Log.open('log', { survive: 'power' }).then((log) => log.keepFrom(log.append(new Uint8Array(1)) ?? 0));
declare const database: OutboxDatabase;
outbox(database, new Client<Game>({ port: 1 })).send({ tick: 1 } as never);
new PageClient({ url: 'wss://example.org' });
const world: World = server.use(cluster({ name: 'game', node: 'eu-1', nats: { servers: 'nats://127.0.0.1' } }));
world.on('node', ({ id, reason }: NodeChange) => id === reason);
void world.peer('eu-2').send({ tick: 1 }, { confirm: true });
// @ts-expect-error a node has a name
server.use(cluster({ name: 'game' }));
const crew: Crew = server.use(fleet({ zones: { file: 'zone.js', count: 4, limit: [5, 30_000], after: ['hub'] } }));
crew.on('down', ({ number }, reason, code, signal) => [number + 1, reason === 'died', code, signal === 'SIGKILL']);
// @ts-expect-error there is no such strategy
new Fleet({ zones: { file: 'zone.js', strategy: 'one-for-all' } }, { path: 'hub' });
void fleetReady(client).then(() => crew.status().map(({ state }) => state === 'up'));
// @ts-expect-error it is a number
server.handle(() => 'x');
// @ts-expect-error the payload has no name
new Server<Game>({ authorize: ({ name }) => name === 'x' });
`,
};

describe('a program of a user, checked with all declarations and without those it does not need', function () {
  this.timeout(200_000);
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'busbar-types-'));
    const archive = await pack(join(folder, 'archive'));
    for (const place of ['with', 'without']) {
      const types = place === 'with' ? ['@types/node', 'undici-types', 'socket.io-adapter'] : [];
      await unpack(archive, join(folder, place), 'busbar', ['eventemitter3', ...types]);
    }
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  async function expectToFit(place: string, files: Readonly<Record<string, string>>, options: object): Promise<void> {
    const compilerOptions = { ...strict, ...options };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, place, name), text);
    const project = JSON.stringify({ compilerOptions, files: Object.keys(files) });
    writeFileSync(join(folder, place, 'tsconfig.json'), project);
    for (const [name, path] of Object.entries(compilers)) {
      const args = [join(root, path), '-p', join(folder, place)];
      const { code, stdout } = await command(process.execPath, args, { timeoutMs: 90_000 });
      expect({ name, code, stdout }).to.deep.equal({ name, code: 0, stdout: '' });
    }
  }

  it('a page, with channels and remote objects too - needs no types but its own', () =>
    expectToFit(
      'without',
      { 'page.mts': programs.page, 'parts.mts': programs.parts },
      { lib: ['es2022', 'dom'], module: 'esnext', moduleResolution: 'bundler', types: [] },
    ));

  it('a program in Node, with every entry, as ES module and CommonJS - needs the types of Node, and of what it takes with it, alone', () =>
    expectToFit('with', { 'module.mts': programs.node, 'common.cts': programs.node }, { types: ['node'] }));

  it('entries - the programs name them all', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly exports: object };
    const names = Object.keys(manifest.exports).filter((name) => name !== './package.json');
    for (const name of names) expect(programs.node).to.contain(`'${name.replace('.', 'busbar')}'`);
  });
});
