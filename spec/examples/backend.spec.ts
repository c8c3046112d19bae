import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { Client } from 'busbar';
import { callOptions, proxy } from 'busbar/rpc';
import { services } from 'busbar/services';
import type { Lobby } from '../../examples/backend/contract.ts';
import { again, at } from '../../examples/backend/member.ts';
import { rejected, sleep, until } from '../support/buses.ts';
import { command, type Outcome } from '../support/command.ts';
import { root } from '../support/repository.ts';

const programs = join(root, 'build/examples/backend');
const processes = ['gateway-1', 'persistence-1', 'matchmaker-1', 'rooms-1', 'rooms-2', 'rooms-3'];

/** The back end as its main program started it. */
class BackEnd {
  readonly folder = mkdtempSync(join(tmpdir(), 'backend-'));
  /** Of each process that was started, the last one of each name. */
  readonly pids = new Map<string, number>();
  main: ChildProcess;
  readonly #watcher = new Client(at(this.folder, 'bus'));
  readonly #members = this.#watcher.use(services());

  constructor() {
    this.main = this.#start();
  }

  #start(): ChildProcess {
    const main = spawn(process.execPath, [join(programs, 'main.js'), this.folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    main.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      for (const [, name = '', pid] of text.matchAll(/^(\S+) is process (\d+)$/gm)) this.pids.set(name, Number(pid));
    });
    return main;
  }

  async open(): Promise<void> {
    await until(async () => {
      await this.#watcher.connect().catch(() => {});
      return this.#watcher.connection !== undefined;
    });
    for (const name of processes) await this.isThere(name);
  }

  /** The process that was started last is a member. */
  async isThere(name: string): Promise<void> {
    await until(async () => {
      const members = await this.#members.members().catch(() => []);
      const pids = members.map(({ meta }) => (meta as { pid: number } | undefined)?.pid);
      return this.pids.has(name) && pids.includes(this.pids.get(name));
    }, `${name} to be there`);
  }

  /** Kills a process; resolves when its successor is there. */
  async kill(name: string): Promise<void> {
    const pid = this.pids.get(name) ?? 0;
    process.kill(pid, 'SIGKILL');
    await until(() => this.pids.get(name) !== pid, `${name} to be started again`);
    await this.isThere(name);
  }

  /** Kills the main program, and starts it again when no process is left. */
  async killMain(): Promise<void> {
    const exit = once(this.main, 'exit');
    this.main.kill('SIGKILL');
    await exit;
    await until(async () => (await this.processes()).length === 0, 'all processes to end');
    this.pids.clear();
    this.main = this.#start();
    for (const name of processes) await this.isThere(name);
  }

  admin(...args: string[]): Promise<Outcome> {
    return command(process.execPath, [join(programs, 'admin.js'), this.folder, ...args]);
  }

  /** The processes that were told the folder, which all of them are. */
  async processes(): Promise<string[]> {
    const { stdout } = await command('ps', ['-eo', 'args']);
    return stdout.split('\n').filter((line) => line.includes(this.folder));
  }

  async close(): Promise<void> {
    await this.#watcher.close();
    if (this.main.exitCode !== null || this.main.signalCode !== null) return;
    this.main.kill('SIGTERM');
    await once(this.main, 'exit');
  }
}

/** A player that says line after line, and joins again in each new session. */
class Talker {
  readonly #client: Client;
  readonly lobby: ReturnType<typeof proxy<Lobby>>;
  readonly name: string;
  room = '';
  /** Of its lines, as they were answered. */
  readonly lines: number[] = [];
  readonly refusals: unknown[] = [];
  #isTalking = true;
  #talk = Promise.resolve();

  constructor(folder: string, name: string) {
    this.name = name;
    this.#client = new Client(at(folder, 'players'));
    this.lobby = proxy<Lobby>(this.#client);
    this.#client.on('session', ({ outcome }) => {
      if (outcome !== 'resumed') void this.#join();
    });
  }

  async begin(): Promise<void> {
    await this.#client.connect();
    await until(() => this.room !== '');
    this.#talk = this.#say();
  }

  async end(): Promise<void> {
    this.#isTalking = false;
    await this.#talk;
    await this.#client.close();
  }

  async #join(): Promise<void> {
    try {
      this.room = await this.lobby.join(this.name, again);
    } catch (error) {
      this.refusals.push((error as { code?: unknown }).code);
    }
  }

  async #say(): Promise<void> {
    while (this.#isTalking) {
      try {
        this.lines.push(await this.lobby.say('hello', callOptions({ timeout: 15_000 })));
      } catch (error) {
        const { code } = error as { code?: unknown };
        this.refusals.push(code);
        // Its gateway is another one, or has forgotten it.
        if (code === 'E_NO_ROOM') await this.#join();
      }
      await sleep(5);
    }
  }
}

describe('example back end', function () {
  this.timeout(60_000).slow(10_000);
  let backEnd: BackEnd;
  let talkers: Talker[];

  before(async () => {
    backEnd = new BackEnd();
    await backEnd.open();
    talkers = Array.from({ length: 6 }, (_, number) => new Talker(backEnd.folder, `talker ${number}`));
    await Promise.all(talkers.map((talker) => talker.begin()));
  });

  after(async () => {
    await Promise.all(talkers.map((talker) => talker.end()));
    await backEnd.close();
    rmSync(backEnd.folder, { recursive: true, force: true });
  });

  /** Each talker has said something more. */
  async function goesOn(): Promise<void> {
    const before = talkers.map(({ lines }) => lines.length);
    await until(
      () => talkers.every(({ lines }, at) => lines.length > (before[at] ?? 0)),
      () => JSON.stringify(talkers.map(({ lines, refusals }) => [lines.length, refusals.slice(-3)])),
    );
  }

  it('processes that are restarted in order by the administrator - cost no player an answer', async () => {
    await goesOn();
    for (const group of ['rooms', 'persistence']) {
      const name = `${group}-1`;
      const pid = backEnd.pids.get(name);
      expect(await backEnd.admin('restart', group)).to.deep.include({ code: 0, stderr: '' });
      await until(() => backEnd.pids.get(name) !== pid);
      await goesOn();
    }
    expect(talkers.flatMap(({ refusals }) => refusals)).to.deep.equal([]);
    // Players come to the next gateway, and join their rooms there.
    expect(await backEnd.admin('restart', 'gateway')).to.deep.include({ code: 0, stderr: '' });
    await goesOn();
    const codes = talkers.flatMap(({ refusals }) => refusals);
    expect(codes.filter((code) => code !== 'E_NO_ROOM')).to.deep.equal([]);
    const moved = await backEnd.admin('rebalance', 'room');
    expect(moved.stdout).to.match(/^\d+ keys have moved\n$/);
    const status = await backEnd.admin('status', 'room');
    expect(status.stdout.trim().split('\n')).to.have.lengthOf(3);
    expect(status.stdout.match(/room-\d/g)?.sort()).to.deep.equal(['room-0', 'room-1']);
  });

  for (const name of processes) {
    it(`${name} - is killed and started again, and players go on`, async () => {
      await goesOn();
      await backEnd.kill(name);
      await goesOn();
      const newcomer = new Talker(backEnd.folder, `after ${name}`);
      await newcomer.begin();
      await until(() => newcomer.lines.length > 0);
      await newcomer.end();
      for (const { refusals } of talkers) for (const code of refusals) expect(code).to.match(/^(?:ERR|E)_[A-Z_]+$/);
    });
  }

  it('the main program - is killed, its processes end, and players go on when it is started again', async () => {
    await goesOn();
    await backEnd.killMain();
    await goesOn();
  });

  it('lines - have numbers that nobody else got, through all of this, and players keep their rooms', () => {
    for (const room of ['room-0', 'room-1']) {
      const its = talkers.filter((talker) => talker.room === room);
      expect(its).to.have.lengthOf(room === 'room-0' ? 4 : 2);
      const numbers = its.flatMap(({ lines }) => lines);
      expect(new Set(numbers).size).to.equal(numbers.length);
      for (const { lines } of its) expect(lines).to.deep.equal([...lines].sort((one, other) => one - other));
    }
  });

  it('a player program - is in a room, says lines, and hears them', async () => {
    const player = spawn(process.execPath, [join(programs, 'player.js'), backEnd.folder, 'ann'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let heard = '';
    player.stdout.setEncoding('utf8').on('data', (part: string) => (heard += part));
    await until(
      () => /^in room-\d$/m.test(heard) && /^said line \d+$/m.test(heard) && /^\d+ ann: hello at/m.test(heard),
      () => heard,
    );
    player.kill('SIGKILL');
    await once(player, 'exit');
  });

  it('players that say what is no line, or are in no room - are told by a code', async () => {
    const client = await new Client(at(backEnd.folder, 'players')).connect();
    const lobby = proxy<Lobby>(client);
    expect((await rejected(lobby.say('hello'))).code).to.equal('E_NO_ROOM');
    expect((await rejected(lobby.join(17 as never))).code).to.equal('E_TEXT');
    expect((await rejected(lobby.join('x'.repeat(21)))).code).to.equal('E_TEXT');
    await client.close();
  });

  it('the main program - ends with all processes', async () => {
    // They would look for it until they are told to end.
    await Promise.all(talkers.splice(0).map((talker) => talker.end()));
    await backEnd.close();
    expect({ code: backEnd.main.exitCode, signal: backEnd.main.signalCode }).to.deep.equal({ code: 0, signal: null });
    expect(await backEnd.processes()).to.deep.equal([]);
  });
});
