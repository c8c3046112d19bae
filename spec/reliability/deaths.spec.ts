import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { systemClock } from '../../lib/base/system-clock.ts';
import { Client as PortableClient } from '../../lib/bus/client/client.ts';
import { linuxProcesses, type ProcessMark } from '../../lib/base/process-table.ts';
import { ProcessWatch } from '../../lib/bus/process/process-watch.ts';
import { nodeClientPlatform, nodeServerPlatform } from '../../lib/bus/node-platform.ts';
import type { Processes } from '../../lib/bus/platform.ts';
import { Server as PortableServer } from '../../lib/bus/server/server.ts';
import {
  Client,
  type ClientOptions,
  ClientStatus,
  type Connection,
  Server,
  type ServerOptions,
} from '../../lib/index.ts';
import { eager, next, rejected, until } from '../support/buses.ts';
import { markOf } from '../support/marks.ts';
import { stopwatch } from '../support/stopwatch.ts';
import { figure } from './figures.ts';
import { type Program, Stage } from './process.ts';

/** What an end says of itself that is, for its peers, the process `mark`. */
const posingAs = (mark: ProcessMark) => (): Processes =>
  new ProcessWatch(systemClock, { own: () => mark, isGone: (other) => linuxProcesses.isGone(other) });

/** A client that poses as the process `mark`, or says nothing of itself. */
function clientAs(mark: ProcessMark | undefined, options: ClientOptions): PortableClient {
  const { processes: _own, ...platform } = nodeClientPlatform;
  return new PortableClient(options, mark ? { ...platform, processes: posingAs(mark) } : platform, false);
}

function serverAs(mark: ProcessMark, options: ServerOptions): PortableServer {
  return new PortableServer(options, { ...nodeServerPlatform, processes: posingAs(mark) }, false);
}

/** What the system says of a process; '' where there is none. */
function statOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return '';
  }
}

/** Processes that do nothing, quickly made, for ends that pose as them. */
class Dummies {
  readonly #all: ChildProcess[] = [];

  make(): { readonly mark: ProcessMark; kill(): void } {
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
    this.#all.push(child);
    return { mark: markOf(child.pid!), kill: () => this.#kill(child) };
  }

  /** Returns when it is dead: on a busy machine that takes its time, and the links of a real process break no earlier. */
  #kill(child: ChildProcess): void {
    child.kill('SIGKILL');
    const slept = new Int32Array(new SharedArrayBuffer(4));
    while (/\) [^ZX] /.test(statOf(child.pid!))) Atomics.wait(slept, 0, 0, 1);
  }

  close(): void {
    for (const child of this.#all) child.kill('SIGKILL');
  }
}

describe('deaths', function () {
  let stage: Stage;
  let dummies: Dummies;
  let ends: { close(): Promise<unknown> }[];

  before(function () {
    if (process.platform !== 'linux') this.skip();
  });

  beforeEach(() => {
    stage = new Stage();
    dummies = new Dummies();
    ends = [];
  });

  afterEach(async () => {
    await Promise.all(ends.map((end) => end.close()));
    dummies.close();
    await stage.close();
  });

  async function serve(name: string, options: object = {}): Promise<Server> {
    const server = await new Server({ path: stage.path(name), ...options }).start();
    server.on('error', () => {});
    ends.push(server);
    return server;
  }

  const code = (promise: Promise<unknown>): Promise<string> => rejected(promise).then((error) => error.code);

  /** What hangs on `connection`, and how it ended. */
  function owed(server: Server, connection: Connection): Promise<unknown[]> {
    return Promise.all([
      code(connection.request('?', 0)),
      code(connection.send('!', { confirm: true })),
      server.survey('?', 0).then(([row]) => row?.status),
      next(server, 'disconnect').then(([, reason]) => reason),
    ]);
  }
  const ended = ['ERR_SESSION_LOST', 'ERR_SESSION_LOST', 'rejected', 'process died'];

  it('a client that is killed - is gone at once, with all that was asked of it', async () => {
    const server = await serve('s');
    for (let round = 0; round < 3; round++) {
      const program = await stage.program('client', { options: { path: stage.path('s') } });
      await until(() => server.connections.length === 1);
      const [connection] = server.connections;
      program.stop();
      const asked = owed(server, connection!);
      await program.kill();
      expect(await asked).to.deep.equal(ended);
      expect(server.connections).to.deep.equal([]);
    }
  });

  it('a server that is killed - is gone at once for its client, which comes to the next one', async () => {
    const program = await stage.program('server', { options: { path: stage.path('s') } });
    const client = await new Client({ path: stage.path('s'), random: eager, onLost: 'report' }).connect();
    ends.push(client);
    client.on('error', () => {});
    program.stop();
    const undelivered = next(client, 'undelivered');
    await client.send('nobody took it');
    const asked = Promise.all([code(client.request('?', 0)), code(client.send('!', { confirm: true }))]);
    await program.kill();
    expect(await asked).to.deep.equal(['ERR_SESSION_LOST', 'ERR_SESSION_LOST']);
    expect(await undelivered).to.deep.equal([[{ data: 'nobody took it' }]]);
    expect(client.status).to.not.equal(ClientStatus.READY);
    const answer = client.request('still there?', 0);
    const session = next(client, 'session');
    const server = await serve('s');
    server.handle((question) => [question]);
    expect(await answer).to.deep.equal(['still there?']);
    expect(await session).to.deep.equal([{ outcome: 'lost', id: client.id }]);
  });

  it('100 of 100 - are noticed, at a client and at a server, 25 ms after the link', async () => {
    const server = await serve('s');
    const took: { client: number[]; server: number[] } = { client: [], server: [] };
    for (let death = 0; death < 100; death++) {
      const dummy = dummies.make();
      const client = await clientAs(dummy.mark, { path: stage.path('s'), reconnect: false }).connect();
      const link = next(server, 'link');
      const gone = next(server, 'disconnect');
      dummy.kill();
      client.connection!.destroy();
      await link;
      const elapsedMs = stopwatch();
      expect((await gone)[1]).to.equal('process died');
      took.client.push(elapsedMs());
      await client.close();
    }
    for (let death = 0; death < 100; death++) {
      const dummy = dummies.make();
      const path = stage.path(`s${death}`);
      const other = await serverAs(dummy.mark, { path }).start();
      const client = await new Client({ path }).connect();
      const lost = code(client.request('?', 0));
      const link = next(client, 'link');
      dummy.kill();
      other.connections[0]!.connection!.destroy();
      await link;
      const elapsedMs = stopwatch();
      expect(await lost).to.equal('ERR_SESSION_LOST');
      took.server.push(elapsedMs());
      client.destroy();
      await other.close();
    }
    for (const [end, times] of Object.entries(took)) {
      times.sort((a, b) => a - b);
      const [medianMs = 0, longestMs = 0] = [times[50], times[99]].map((ms = 0) => Math.round(ms * 10) / 10);
      figure(`deaths, ${end}`, { deaths: times.length, medianMs, longestMs });
      expect(medianMs, `median of the ${end}'s, of which the longest took ${longestMs} ms`).to.be.below(25);
    }
  });

  it('0 of 1,000 links that are cut - are taken for a death, at neither end', async () => {
    const own = dummies.make();
    const options = { path: stage.path('s'), max: 2_000, closeTimeoutMs: 0 };
    const server = await serverAs(own.mark, options).start();
    ends.push(server);
    let deaths = 0;
    const outcomes: string[] = [];
    server.on('disconnect', () => (deaths += 1));
    const clients: PortableClient[] = [];
    for (let number = 0; number < 100; number++) {
      const client = await clientAs(dummies.make().mark, { path: stage.path('s'), random: eager }).connect();
      client.on('session', ({ outcome }) => outcomes.push(outcome));
      clients.push(client);
      if (number % 25 === 24) await until(() => server.connections.length === clients.length);
    }
    for (let round = 1; round <= 10; round++) {
      for (const [at, client] of clients.entries()) {
        const { connection } = round % 2 === 0 ? client : server.connections[at]!;
        connection!.destroy();
      }
      await until(() => clients.every(({ status }) => status !== ClientStatus.READY));
      await until(() => outcomes.length === round * clients.length, 'all links to be back');
    }
    expect(deaths).to.equal(0);
    expect(new Set(outcomes)).to.deep.equal(new Set(['resumed']));
    expect(server.connections).to.have.lengthOf(100);
    deaths = 0;
    for (const client of clients) client.destroy();
  });

  it('of other places, and of ends that say nothing of themselves - are awaited for the grace time', async () => {
    const server = await serve('s', { sessionGraceMs: 200 });
    const dummy = dummies.make();
    const reasons: unknown[] = [];
    server.on('disconnect', (_connection, reason) => reasons.push(reason));
    for (const mark of [{ ...dummy.mark, place: 'elsewhere' }, undefined]) {
      await clientAs(mark, { path: stage.path('s'), reconnect: false }).connect();
    }
    dummy.kill();
    await until(() => linuxProcesses.isGone(dummy.mark));
    for (const connection of server.connections) connection.connection!.destroy();
    await until(() => server.connections.every(({ attached }) => !attached));
    expect(reasons).to.deep.equal([]);
    await until(() => reasons.length === 2);
    expect(reasons).to.deep.equal([undefined, undefined]);
  });

  it('over TCP - are awaited for the grace time', async () => {
    const server = await new Server({ port: 0, sessionGraceMs: 200 }).start();
    ends.push(server);
    const program = await stage.program('client', { options: { port: server.port } });
    const gone = next(server, 'disconnect');
    await program.kill();
    expect((await gone)[1]).to.equal(undefined);
  });

  it('a process that ends by itself, or after its link - is gone too', async () => {
    const server = await serve('s');
    const dummy = dummies.make();
    const client = await clientAs(dummy.mark, { path: stage.path('s'), reconnect: false }).connect();
    const gone = next(server, 'disconnect');
    client.connection!.destroy();
    await until(() => !server.connections[0]!.attached);
    dummy.kill();
    expect((await gone)[1]).to.equal('process died');
    const program: Program = await stage.program('client', { options: { path: stage.path('s') } });
    await until(() => server.connections.length === 1);
    const left = next(server, 'disconnect');
    program.process.kill('SIGTERM');
    expect((await left)[1]).to.equal('process died');
  });

  it('what came before - is delivered all the same where it was held back, and what was asked is over at once', async () => {
    const server = await serve('s');
    const dummy = dummies.make();
    const heard: unknown[] = [];
    server.on('message', (message) => heard.push(message));
    server.on('disconnect', (_connection, reason) => heard.push(reason));
    const client = await clientAs(dummy.mark, { path: stage.path('s'), reconnect: false }).connect();
    await until(() => server.connections.length === 1);
    const [connection] = server.connections;
    client.handle(() => new Promise(() => {}));
    server.pause();
    const asked = code(connection!.request('?', 0));
    for (const message of [1, 2, 3]) await client.send(message);
    await client.ping();
    dummy.kill();
    client.connection!.destroy();
    expect(await asked).to.equal('ERR_SESSION_LOST');
    expect(heard).to.deep.equal([]);
    server.resume();
    await until(() => heard.length === 4);
    expect(heard).to.deep.equal([1, 2, 3, 'process died']);
    expect(server.connections).to.deep.equal([]);
  });

  it('a worker that crashed ten times - is in connections once', async () => {
    const server = await serve('s');
    let dummy = dummies.make();
    for (let crash = 0; crash <= 10; crash++) {
      const client = await clientAs(dummy.mark, { path: stage.path('s'), reconnect: false }).connect();
      if (crash === 10) break;
      dummy.kill();
      client.connection!.destroy();
      dummy = dummies.make();
    }
    await until(() => server.connections.length === 1);
    expect(server.connections[0]!.attached).to.equal(true);
    server.connections[0]!.destroy();
  });
});
