import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { tableOf } from '../../lib/cli/fleet/table.ts';
import { until } from '../support/buses.ts';
import { command, type Outcome } from '../support/command.ts';
import { root } from '../support/repository.ts';
import { cli } from './dispatch-process.ts';

const urlOf = (module: string): string => JSON.stringify(pathToFileURL(join(root, 'dist', module)).href);
const worker = `
import { Client } from ${urlOf('index.js')};
const client = new Client({ url: 'parent:' });
client.handle((number) => number * 2);
await client.connect();
console.log('hello from', process.env.BUSBAR_GROUP, process.env.BUSBAR_NUMBER);`;

const isAlive = (pid: unknown): boolean => {
  try {
    return process.kill(Number(pid), 0);
  } catch {
    return false;
  }
};

interface Line {
  readonly event: string;
  readonly [member: string]: unknown;
}

/** `busbar run` in a process of its own. */
class Run {
  readonly child: ChildProcess;
  readonly ended: Promise<number | string | null>;
  #stdout = '';
  stderr = '';

  constructor(cwd: string, ...args: string[]) {
    this.child = spawn(process.execPath, [cli, 'run', ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.ended = new Promise((resolve) => this.child.once('close', (code, signal) => resolve(code ?? signal)));
  }

  get lines(): Line[] {
    return this.#stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Line);
  }

  says(event: string, times = 1): Promise<void> {
    return until(
      () => this.lines.filter((line) => line.event === event).length >= times,
      () => `${event}, after ${this.#stdout}${this.stderr}`,
    );
  }

  get pids(): unknown[] {
    return this.lines.filter(({ event }) => event === 'up').map(({ pid }) => pid);
  }
}

describe('busbar run', function () {
  let folder: string;
  let runs: Run[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bb-'));
    runs = [];
    write('package.json', '{"type":"module"}');
    write('worker.js', worker);
  });

  afterEach(async () => {
    for (const { child } of runs) child.kill('SIGKILL');
    await Promise.all(runs.map(({ ended }) => ended));
    await until(() => runs.flatMap(({ pids }) => pids).every((pid) => !isAlive(pid)));
    rmSync(folder, { recursive: true, force: true });
  });

  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  const config = (text: string, name = 'busbar.config.js'): void =>
    write(name, `import { defineFleet } from ${urlOf('fleet.js')};\nexport default defineFleet(${text});`);
  const busbar = (...args: string[]): Promise<Outcome> => command(process.execPath, [cli, ...args], { cwd: folder });
  const statusOf = async (): Promise<Record<string, unknown>[]> =>
    (await busbar('status')).stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  function run(...args: string[]): Run {
    const started = new Run(folder, ...args);
    runs.push(started);
    return started;
  }

  it('a fleet - is started, asked, scaled, restarted, read and stopped; nothing is left', async () => {
    config(
      `{ path: 'hub.sock', groups: { zones: { file: 'worker.js', count: 2 }, match: { file: 'worker.js', after: ['zones'] } } }`,
    );
    const fleet = run();
    await fleet.says('ready');
    expect(statSync(join(folder, 'hub.sock.fleet')).mode & 0o777).to.equal(0o600);
    expect((await statusOf()).map(({ group, number, state }) => `${group} ${number} ${state}`)).to.deep.equal([
      'zones 1 up',
      'zones 2 up',
      'match 1 up',
    ]);
    expect(await busbar('scale', 'zones', '1', 'busbar.config.js')).to.deep.equal({ code: 0, stdout: '', stderr: '' });
    expect(await busbar('restart', 'zones')).to.deep.equal({ code: 0, stdout: '', stderr: '' });
    expect((await statusOf()).map(({ group, restarts }) => [group, restarts])).to.deep.equal([
      ['zones', 1],
      ['match', 0],
    ]);
    const logs = spawn(process.execPath, [cli, 'logs', 'match'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
    let read = '';
    logs.stdout.setEncoding('utf8').on('data', (text: string) => (read += text));
    const logged = new Promise((resolve) => logs.once('close', resolve));
    await until(() => read.includes('hello from match 1'));
    expect(await busbar('stop')).to.deep.equal({ code: 0, stdout: '', stderr: '' });
    expect([await fleet.ended, fleet.stderr, await logged]).to.deep.equal([0, '', 0]);
    expect(read).to.not.include('zones');
    expect(readdirSync(folder).sort()).to.deep.equal(['busbar.config.js', 'package.json', 'worker.js']);
    expect(fleet.pids).to.have.lengthOf(4);
    expect(fleet.pids.filter(isAlive)).to.deep.equal([]);
    const ends = fleet.lines.filter(({ event, reason }) => event === 'down' && reason === 'stopped');
    expect(ends.map(({ group }) => group)).to.deep.equal(['match', 'zones']);
    const late = await busbar('status');
    expect([late.code, late.stderr]).to.deep.equal([1, 'busbar status: No fleet is running at hub.sock\n']);
  });

  it('SIGTERM - ends all in order with exit code 0; the second one at once, with children that do not want to', async () => {
    write('deaf.js', `${worker}\nprocess.on('SIGTERM', () => {});\nsetInterval(() => {}, 1_000);`);
    config(`{ path: 'hub.sock', groups: { deaf: { file: 'deaf.js', stopTimeoutMs: 60_000 } } }`);
    const fleet = run();
    await fleet.says('ready');
    fleet.child.kill('SIGTERM');
    await fleet.says('stopping');
    fleet.child.kill('SIGINT');
    expect(await fleet.ended).to.equal(130);
    config(`{ path: 'hub.sock', groups: { deaf: { file: 'deaf.js', stopTimeoutMs: 200 } } }`);
    const next = run();
    await next.says('ready');
    next.child.kill('SIGTERM');
    expect([await next.ended, next.lines.find(({ event }) => event === 'down')?.['signal']]).to.deep.equal([
      0,
      'SIGKILL',
    ]);
    expect(readdirSync(folder).filter((name) => name.startsWith('hub'))).to.deep.equal([]);
  });

  it('a process that dies at once - is given up while the others go on; where none is left the command ends with 1', async () => {
    write('dies.js', 'process.exit(3);');
    config(
      `{ path: 'hub.sock', groups: { dies: { file: 'dies.js', limit: [2, 30_000] }, lives: { file: 'worker.js' } } }`,
    );
    const fleet = run();
    await fleet.says('given up');
    await fleet.says('up');
    expect((await statusOf()).map(({ state }) => state)).to.deep.equal(['given-up', 'up']);
    await busbar('stop');
    expect(await fleet.ended).to.equal(0);
    config(`{ path: 'hub.sock', groups: { dies: { file: 'dies.js', limit: [1, 30_000] } } }`);
    const alone = run();
    expect(await alone.ended).to.equal(1);
    expect(alone.lines.at(-1)?.event).to.equal('ended');
  });

  it('a hub of its own - is loaded into the command, and serves the processes and others', async () => {
    write(
      'hub.js',
      `import { Server } from ${urlOf('index.js')};
      setInterval(() => {}, 1_000);
      export default await new Server({ path: 'own.sock' }).handle(() => 'the hub').start();`,
    );
    config(`{ path: 'hub.sock', hub: 'hub.js', groups: { zones: { file: 'worker.js' } } }`);
    const fleet = run();
    await fleet.says('ready');
    expect(readdirSync(folder)).to.include.members(['own.sock', 'hub.sock.fleet']);
    fleet.child.kill('SIGINT');
    expect(await fleet.ended).to.equal(0);
    expect(readdirSync(folder)).to.not.include('own.sock');
  });

  const mistakes: Readonly<
    Record<string, readonly [text: string | undefined, message: RegExp, args?: readonly string[]]>
  > = {
    'no config': [undefined, /There is no busbar\.config\.js or \.ts in /],
    'a config that is not there': [undefined, /There is no config .*other\.js/, ['other.js']],
    'a config that is no JavaScript': ['{ path: ', /busbar\.config\.js cannot be loaded: /],
    'a misspelt key': [`{ path: 'hub.sock', group: {} }`, /has path, groups and hub, and no group/],
    'a misspelt option of a group': [
      `{ path: 'hub.sock', groups: { a: { fil: 'worker.js' } } }`,
      /Group a .*"fil".*file/,
    ],
    'a file that is none': [
      `{ path: 'hub.sock', groups: { a: { file: 'none.js' } } }`,
      /none\.js: the file does not exist/,
    ],
    'groups in a circle': [`{ path: 'hub.sock', groups: { a: { file: 'worker.js', after: ['a'] } } }`, /a/],
    'a hub that is none': [
      `{ path: 'hub.sock', hub: 'worker.mjs', groups: { a: { file: 'worker.js' } } }`,
      /Option hub: there is no file worker\.mjs/,
    ],
    'a path without room': [
      `{ path: '/tmp/${'x'.repeat(100)}', groups: { a: { file: 'worker.js' } } }`,
      /a socket path can have/,
    ],
    'words that it does not take': [`{ path: 'hub.sock', groups: {} }`, /Wrong arguments/, ['all']],
  };
  for (const [what, [text, message, args = []]] of Object.entries(mistakes)) {
    it(`${what} - is one line and exit code 1, and nothing is left behind`, async () => {
      if (text !== undefined) config(text);
      const before = readdirSync(folder);
      const { code, stdout, stderr } = await busbar('run', ...args);
      expect([code, stdout]).to.deep.equal([1, '']);
      expect(stderr)
        .to.match(/^busbar run: [^\n]+\n$/)
        .and.to.match(message);
      expect(readdirSync(folder)).to.deep.equal(before);
    });
  }

  it('a second fleet at the same place - is refused by its name, and the first one goes on', async () => {
    config(`{ path: 'hub.sock', groups: { zones: { file: 'worker.js' } } }`);
    const fleet = run();
    await fleet.says('ready');
    const { code, stderr } = await busbar('run');
    expect([code, stderr]).to.deep.equal([1, 'busbar run: A fleet runs at hub.sock already (hub.sock.fleet)\n']);
    for (const [args, message] of [
      [['restart', 'zone'], 'busbar restart: The fleet has no group "zone"; there are zones'],
      [['logs', 'zone'], 'busbar logs: The fleet has no group "zone"'],
      [['scale', 'zones', 'all'], 'busbar scale: "all" is not a number of processes'],
    ] as const) {
      expect(await busbar(...args)).to.deep.include({ code: 1, stderr: `${message}\n` });
    }
    expect((await statusOf()).map(({ state }) => state)).to.deep.equal(['up']);
  });
});

describe('the table of a fleet', () => {
  it('has columns as wide as what is in them, and fits 80 columns', () => {
    const base = { group: 'zones', number: 1, pid: 4_194_304, state: 'up', upSince: 0, restarts: 0 } as const;
    const lines = tableOf(
      [
        { ...base, memoryBytes: 56_000_000, cpu: 0.034, requestsPerSecond: 1_234.5 },
        {
          ...base,
          group: 'x'.repeat(64),
          number: 10_000,
          state: 'given-up',
          pid: undefined,
          upSince: undefined,
          memoryBytes: undefined,
          cpu: undefined,
          requestsPerSecond: 0,
        },
      ],
      90_061_000,
    );
    expect(lines).to.deep.equal([
      'GROUP                 #      PID  STATE        UP  RESTARTS  MEMORY  CPU  REQ/S',
      'zones                 1  4194304  up        1d 1h         0  53 MiB  3 %   1235',
      'xxxxxxxxxxxxxxx…  10000        -  given-up      -         0       -    -      0',
    ]);
  });
});
