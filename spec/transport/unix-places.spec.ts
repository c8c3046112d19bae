import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { Client, Server } from '../../lib/index.ts';
import { command } from '../support/command.ts';
import { dial, Host, socketFolder } from '../support/links.ts';
import { root } from '../support/repository.ts';
import { fetchRuntime, sources } from '../support/runtimes.ts';

const program = fileURLToPath(new URL('unix-place-program.js', import.meta.url));
const isRoot = process.getuid?.() === 0;

/** What the program says: what became of it, the processor time it took, and more for some of its modes. */
interface Told {
  readonly outcome: string;
  readonly cpuMs: number;
  readonly reachable: readonly string[];
}

/** The program of the specs in a process of its own, which another user runs if it says so. */
class Program {
  readonly process;
  readonly exited;

  constructor(mode: string, path: string, { stranger = false, umask = '' } = {}) {
    this.process = fork(program, [mode, path, stranger ? 'stranger' : 'owner', umask], { stdio: 'inherit' });
    this.exited = once(this.process, 'exit');
  }

  async says(): Promise<Told> {
    const [told] = (await Promise.race([once(this.process, 'message'), this.exited.then(() => [undefined])])) as [Told];
    return told;
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.exited;
  }
}

describe('places of unix sockets', function () {
  let folder: ReturnType<typeof socketFolder>;
  let common: string;
  let path: string;
  let programs: Program[];

  const start = (...given: ConstructorParameters<typeof Program>): Program => {
    const started = new Program(...given);
    programs.push(started);
    return started;
  };

  before(function () {
    if (process.platform === 'win32') this.skip();
  });

  beforeEach(() => {
    folder = socketFolder();
    // A folder like /tmp, which other users reach.
    common = mkdtempSync('/var/tmp/bb-');
    chmodSync(common, 0o1777);
    path = join(common, 's');
    programs = [];
  });

  afterEach(async () => {
    await Promise.all(programs.map((each) => each.kill()));
    folder.remove();
    rmSync(common, { recursive: true, force: true });
  });

  for (const mode of ['listen', 'listen in a thread']) {
    for (const umask of ['0', '022', '077']) {
      it(`${mode} - nobody else can connect at any instant, under umask ${umask}`, async () => {
        const told = await start(mode, path, { umask }).says();
        expect(told).to.deep.include({ outcome: 'ok', reachable: [] });
        expect(readdirSync(common)).to.deep.equal(['s']);
      });
    }
  }

  const locks: Readonly<Record<string, (file: string) => void>> = {
    'the link of one who is gone': (file) => symlinkSync(`${hostname()}:999999:abcdefabcdef`, file),
    'a file of one who is gone': (file) => writeFileSync(file, `${hostname()}:999999:abcdefabcdef`),
    'a file that nobody may read': (file) => writeFileSync(file, 'x', { mode: 0o600 }),
    'the link of one who lives': (file) => symlinkSync(`${hostname()}:1:abcdefabcdef`, file),
    'a pipe': (file) => execFileSync('mkfifo', [file]),
    'a folder': (file) => mkdirSync(file),
  };
  for (const [what, lock] of Object.entries(locks)) {
    it(`a lock of another user: ${what} - is ERR_LISTEN that names its owner, and close() does without`, async function () {
      if (!isRoot) this.skip();
      const closing = start('listen', path, { stranger: true });
      expect(await closing.says()).to.have.property('outcome', 'ok');
      for (const file of [`${path}.lock`, `${join(common, 't')}.lock`]) {
        lock(file);
        // What says nothing of its owner counts until it is ten seconds old; of one who lives that is waited for here.
        const old = Date.now() / 1_000 - 11;
        if (!what.endsWith('lives')) lutimesSync(file, old, old);
      }
      closing.process.send('close');
      const starting = start('listen', join(common, 't'), { stranger: true });
      const [closed, started] = await Promise.all([closing.says(), starting.says()]);
      expect(closed.outcome).to.equal('ok');
      expect(started.outcome).to.match(/^ERR_LISTEN .* belongs to user 0\b/);
      expect(closed.cpuMs + started.cpuMs).to.be.below(5_000);
    });
  }

  it('a takeover by who may not reach the server - is refused, and the server goes on', async function () {
    if (!isRoot) this.skip();
    chmodSync(common, 0o777);
    const host = await Host.open({ kind: 'unix', path });
    try {
      const { outcome } = await start('takeover', path, { stranger: true }).says();
      expect(outcome).to.match(/^ERR_ADDRESS_IN_USE .*refuses this process: EACCES/);
      (await dial({ kind: 'unix', path })).link.destroy();
      await host.until(({ accepted }) => accepted.length === 1);
      expect([host.replaced, readdirSync(common)]).to.deep.equal([0, ['s']]);
    } finally {
      await host.close();
    }
  });

  for (const [ending, looks] of [
    ['is killed', 0],
    ['is killed', 1],
    ['is killed', 3],
    ['closes', 2],
  ] as const) {
    it(`a successor that ${ending} after ${looks} looks at it - leaves the old server in its place`, async () => {
      const host = await Host.open({ kind: 'unix', path });
      try {
        const successor = start('takeover', path);
        const said = [];
        do said.push((await successor.says()).outcome);
        while (!said.includes('ok') || said.length <= looks);
        expect(said.filter((outcome) => outcome !== 'ok')).to.deep.equal(new Array(said.length - 1).fill('a link'));
        if (ending === 'is killed') await successor.kill();
        else successor.process.send('close');
        while (ending === 'closes' && (await successor.says()).outcome !== 'ok');
        const client = await dialUntilHeard(host, path);
        client.link.destroy();
        expect([host.replaced, host.errors]).to.deep.equal([0, []]);
        const next = await Host.open({ kind: 'unix', path }, { takeover: true });
        await host.until(({ replaced }) => replaced === 1);
        await next.close();
      } finally {
        await host.close();
      }
      expect(readdirSync(common)).to.deep.equal([]);
    });
  }

  it('a successor that dies - costs the clients nothing: requests under way are answered, new clients get in', async () => {
    const server = await new Server({ path }).start();
    const seen: unknown[] = [];
    server.on('error', ({ code }) => seen.push(code)).on('close', () => seen.push('close'));
    let answer: ((text: string) => void) | undefined;
    server.handle((text) => (text === 'later' ? new Promise((resolve) => (answer = resolve)) : text));
    const client = await new Client({ path }).connect();
    client.on('close', () => seen.push('client closed'));
    const later = client.request('later');
    const successor = start('takeover', path);
    await successor.says();
    await successor.kill();
    const next = new Client({ path, retries: 100, maxRetryTime: 100 });
    await next.connect();
    answer!('later');
    expect(await Promise.all([later, client.request('a'), next.request('b')])).to.deep.equal(['later', 'a', 'b']);
    expect(seen).to.deep.equal([]);
    await Promise.all([client.close(), next.close()]);
    await server.close();
    expect(readdirSync(common)).to.deep.equal([]);
  });

  const script = `
    import process from 'node:process';
    import { Client, Server } from ${JSON.stringify(pathToFileURL(join(root, 'dist/index.js')).href)};
    const path = process.argv[2];
    const errors = [];
    const start = async (takeover) => {
      const server = new Server({ path }).on('error', ({ code }) => errors.push(code));
      server.handle((text) => text);
      await server.start({ takeover });
      return server;
    };
    const ask = async () => {
      const client = await new Client({ path }).connect();
      const answer = await client.request('heard');
      await client.close();
      return answer;
    };
    const first = await start(false);
    const taken = await start(false).catch(({ code }) => code);
    const answers = [taken, await ask()];
    const second = await start(true);
    answers.push(await ask());
    await Promise.all([first.close(), second.close()]);
    console.log([...answers, ...errors].join(' '));
    process.exit();`;

  const permitted = (major: number): string[] => [
    major >= 23 ? '--permission' : '--experimental-permission',
    '--no-warnings',
    '--allow-fs-read=*',
    `--allow-fs-write=${common}/*`,
    ...(major >= 25 ? ['--allow-net'] : []),
  ];
  const deno = (): string[] => [
    ...['run', '--no-prompt', '--no-lock', '--cached-only', '--node-modules-dir=manual', '--allow-env', '--allow-net'],
    `--allow-read=${root},${folder.path('')},${common}`,
    `--allow-write=${common}`,
  ];
  const runs = async (runtime: string, flags: readonly string[]): Promise<void> => {
    const file = folder.path('serve.mjs');
    writeFileSync(file, script);
    const { stdout, stderr } = await command(runtime, [...flags, file, path]);
    expect(stdout.trim(), stderr).to.equal('ERR_ADDRESS_IN_USE heard heard');
    expect(readdirSync(common)).to.deep.equal([]);
  };

  it('a folder that is all that may be written - serves, is defended and taken over on the running Node', () =>
    runs(process.execPath, permitted(Number(process.versions.node.split('.')[0]))));

  for (const source of sources.filter(({ name }) => name !== 'Bun')) {
    it(`a folder that is all that may be written - serves, is defended and taken over on ${source.name}`, async function () {
      const runtime = await fetchRuntime(source, 60_000);
      if (runtime === undefined) return this.skip();
      await runs(runtime.program, source.name === 'Deno' ? deno() : permitted(Number(source.version)));
    });
  }
});

/** Connects until `host` has heard of one: the path may be on its way back to it. */
async function dialUntilHeard(host: Host, path: string): Promise<Awaited<ReturnType<typeof dial>>> {
  const before = host.accepted.length;
  for (;;) {
    const client = await dial({ kind: 'unix', path }).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (client !== undefined && host.accepted.length > before) return client;
    client?.link.destroy();
  }
}
