import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Client, Server, shutdownOn } from '../../lib/index.ts';
import { next, until } from '../support/buses.ts';
import { socketFolder } from '../support/links.ts';

const program = fileURLToPath(new URL('./shutdown-program.js', import.meta.url));

describe('shutdownOn', () => {
  let folder: ReturnType<typeof socketFolder>;

  beforeEach(() => {
    folder = socketFolder();
  });

  afterEach(() => folder.remove());

  /** A process that is up, and all that it says. */
  async function start(
    mode: string,
  ): Promise<{ said: string[]; kill: (signal: NodeJS.Signals) => void; exit: Promise<unknown[]> }> {
    const child = fork(program, [mode, folder.path('s')], { execArgv: ['--no-warnings'] });
    const said: string[] = [];
    const up = new Promise<void>((resolve) => {
      child.on('message', (word) => (word === 'up' ? resolve() : said.push(String(word))));
    });
    const exit = once(child, 'exit');
    await up;
    return { said, kill: (signal) => void child.kill(signal), exit };
  }

  it('closes what it was given, in order, and ends with exit code 0', async () => {
    const { said, kill, exit } = await start('plain');
    const client = await new Client({ path: folder.path('s') }).connect();
    const reason = next(client, 'close');
    kill('SIGTERM');
    expect(await exit).to.deep.equal([0, null]);
    expect(said).to.deep.equal(['http closed', 'closable', 'server closed', 'last']);
    expect(await reason).to.deep.equal(['Server was shut down']);
  });

  it('with reload - servers hand their clients over to the next one', async () => {
    const { said, kill, exit } = await start('reload');
    const client = new Client({ path: folder.path('s'), maxRetryTime: 100 });
    const closed: unknown[] = [];
    client.on('close', (reason) => closed.push(reason));
    await client.connect();
    const back = next(client, 'ready');
    kill('SIGINT');
    expect(await exit).to.deep.equal([0, null]);
    expect(said).to.deep.equal(['http closed', 'closable', 'server closed', 'last']);
    const server = await new Server({ path: folder.path('s') }).start();
    await back;
    expect(closed).to.deep.equal([]);
    await client.close();
    await server.close();
  });

  it('where one fails - closes the others, and ends with exit code 1', async () => {
    const { said, kill, exit } = await start('fails');
    kill('SIGTERM');
    expect(await exit).to.deep.equal([1, null]);
    expect(said).to.deep.equal(['server closed', 'last']);
  });

  it('where the deadline passes - ends with exit code 1', async () => {
    const { said, kill, exit } = await start('late');
    kill('SIGTERM');
    expect(await exit).to.deep.equal([1, null]);
    expect(said).to.deep.equal(['server closed']);
  });

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`at the second signal, ${signal} - ends at once with exit code ${code}`, async () => {
      const { said, kill, exit } = await start('hangs');
      kill('SIGTERM');
      await until(() => said.length > 0);
      kill(signal);
      expect(await exit).to.deep.equal([code, null]);
    });
  }

  it('returns how to listen no more', async () => {
    const { said, kill, exit } = await start('stopped');
    kill('SIGTERM');
    expect(await exit).to.deep.equal([9, null]);
    expect(said).to.deep.equal([]);
  });

  it('what it does not take - is refused, and nothing listens', () => {
    const wrong: unknown[][] = [
      ['SIGNONE'],
      [['SIGTERM', 'SIGKILL']],
      ['SIGTERM', 5],
      ['SIGTERM', {}, () => {}],
      ['SIGTERM', { reload: 1 }],
      ['SIGTERM', { deadlineMs: -1 }],
      ['SIGTERM', { deadline: 1 }],
    ];
    for (const args of wrong) {
      const refused = (): unknown => Reflect.apply(shutdownOn, undefined, args);
      expect(refused, JSON.stringify(args)).to.throw().with.property('code', 'ERR_INVALID_ARGUMENT');
    }
    expect(process.listenerCount('SIGTERM')).to.equal(0);
  });
});
