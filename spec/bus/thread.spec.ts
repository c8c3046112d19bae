import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { type Connection, Server } from '../../lib/index.ts';
import { next, rejected, until } from '../support/buses.ts';

const program = fileURLToPath(new URL('./thread-program.js', import.meta.url));

describe('server.thread', () => {
  let server: Server;
  let workers: Worker[];

  beforeEach(() => {
    server = new Server({ closeTimeoutMs: 2_000 });
    workers = [];
  });

  afterEach(async () => {
    await server.close();
    await Promise.all(workers.map((worker) => worker.terminate()));
  });

  async function start(mode: string): Promise<{ readonly worker: Worker; readonly connection: Connection }> {
    const started = await server.thread(program, { workerData: mode });
    workers.push(started.worker);
    return started;
  }

  it('resolves the worker and the connection of its client, without start(); it has data and threads of its own', async () => {
    const joined: unknown[] = [];
    server.on('connect', (connection, payload) => joined.push(connection, payload));
    const said = new Promise((resolve) => server.once('message', resolve));
    const { worker, connection } = await start('answers');
    expect(joined).to.deep.equal([connection, { mode: 'answers' }]);
    expect([connection.linkKind, connection.remoteAddress]).to.deep.equal(['worker', String(worker.threadId)]);
    expect(connection.connection).to.equal(undefined);
    expect(await connection.request('who?')).to.deep.equal(['who?', worker.threadId]);
    expect(await said).to.deep.equal({
      second: 'BusError: Cannot connect to parent: the only link to the parent is in use',
      third: 'BusError: Cannot connect to parent: this thread was not started by server.thread()',
    });
  });

  it('a thread ends by itself when its client has closed, at either end', async () => {
    const { worker, connection } = await start('plain');
    const exit = once(worker, 'exit');
    await connection.close();
    expect(await exit).to.deep.equal([0]);
  });

  it('carries what is larger than its window, to a listener that is slow', async () => {
    const got: number[] = [];
    server.on('message', (message) => {
      got.push((message as { readonly number: number }).number);
      for (const end = performance.now() + 1; performance.now() < end; );
    });
    const over = next(server, 'disconnect');
    await start('floods');
    await over;
    expect(got).to.deep.equal(Array.from({ length: 100 }, (_, number) => number));
  });

  it('terminate() ends the session at once, as a death does, also of a thread that hangs', async () => {
    for (const mode of ['plain', 'hangs']) {
      const { worker, connection } = await start(mode);
      const reason = next(server, 'disconnect');
      const pending = rejected(connection.request('wait', 60_000));
      const startedAt = performance.now();
      await worker.terminate();
      expect(await reason).to.deep.equal([connection, 'process died']);
      expect(performance.now() - startedAt).to.be.below(5_000);
      expect(await pending).to.have.property('code', 'ERR_SESSION_LOST');
    }
  }).timeout(20_000);

  it('errors of a thread that has connected are for who holds its worker', async () => {
    const { worker } = await start('throws');
    const [error] = (await once(worker, 'error')) as [Error];
    expect(error.message).to.equal('out of a thread');
    await until(() => server.connections.length === 0);
  });

  it('one that fails, is silent, or is not there - rejects ERR_SPAWN, and nothing is left', async () => {
    const failures = [
      ['fails', /failed: no thread today before its client had connected$/],
      ['silent', /did not connect: .* within 900 ms$/],
      ['', /ended with exit code 0 before its client/],
    ] as const;
    for (const [mode, message] of failures) {
      const readyTimeoutMs = mode === 'silent' ? 900 : 30_000;
      const error = await rejected(server.thread(program, { workerData: mode, readyTimeoutMs }));
      expect([error.code, mode]).to.deep.equal(['ERR_SPAWN', mode]);
      expect(error.message).to.match(message);
    }
    expect((await rejected(server.thread('nowhere.js'))).message).to.match(
      /^Cannot start .*nowhere\.js: the file does not exist/,
    );
    expect((await rejected(server.thread(program, { workerData: () => {} }))).code).to.equal('ERR_SPAWN');
    expect((await rejected(server.thread(''))).code).to.equal('ERR_INVALID_ARGUMENT');
    expect((await rejected(server.thread(program, 5 as never))).code).to.equal('ERR_INVALID_ARGUMENT');
    expect(server.connections).to.deep.equal([]);
  });
});
