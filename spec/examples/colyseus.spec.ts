import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Client as Player, type Room } from 'colyseus.js';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Client } from 'busbar';
import { busDriver } from '../../examples/colyseus/driver.ts';
import { busPresence } from '../../examples/colyseus/presence.ts';
import { until } from '../support/buses.ts';
import { socketFolder } from '../support/links.ts';
import { root } from '../support/repository.ts';

/** How long Colyseus waits for another process. */
const shortTimeoutMs = 3_000;

interface Game {
  readonly process: ChildProcess;
  readonly player: Player;
}

describe('example: Colyseus in two processes, around a hub of the bus', function () {
  this.timeout(60_000);
  let folder: ReturnType<typeof socketFolder>;
  let children: ChildProcess[];
  let games: Game[];
  let joined: Room[];
  let watcher: Client;
  let rooms: ReturnType<typeof busDriver>;

  beforeEach(async () => {
    folder = socketFolder();
    children = [];
    joined = [];
    await run('hub');
    games = [await game(), await game()];
    watcher = new Client({ path: folder.path('bus') });
    rooms = busDriver(watcher);
    await watcher.connect();
  });

  afterEach(async () => {
    await Promise.all(joined.filter((room) => room.connection.isOpen).map((room) => room.leave()));
    await watcher.close();
    await Promise.all(children.map(kill));
    folder.remove();
  });

  /** Starts a program; resolves what it says once it is ready. */
  async function run(program: string): Promise<[ChildProcess, string]> {
    const env = { ...process.env, COLYSEUS_PRESENCE_SHORT_TIMEOUT: String(shortTimeoutMs) };
    const file = join(root, 'build/examples/colyseus', `${program}.js`);
    const child = spawn(process.execPath, [file, folder.path('bus')], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    children.push(child);
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text) => (said += text));
    await until(
      () => said.includes('ready') || child.exitCode !== null,
      () => said,
    );
    return [child, said];
  }

  async function game(): Promise<Game> {
    const [child, said] = await run('game');
    const port = /ready at (\d+)/.exec(said)?.[1];
    if (port === undefined) throw new Error(said);
    return { process: child, player: new Player(`ws://127.0.0.1:${port}`) };
  }

  async function kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'close');
    child.kill('SIGKILL');
    await gone;
  }

  function at(place: number): Game {
    const found = games[place];
    if (found === undefined) throw new Error(`there is no game ${place}`);
    return found;
  }

  async function enter(joining: Promise<Room>): Promise<Room> {
    const room = await joining;
    joined.push(room);
    return room;
  }

  /** Which process has the room: what it answers with. */
  async function pidOf(room: Room): Promise<number> {
    const [, pid] = await add(room, 0);
    return pid;
  }

  async function add(room: Room, number: number): Promise<[sum: number, pid: number]> {
    const told = new Promise<[number, number]>((resolve) => room.onMessage('sum', resolve));
    room.send('add', number);
    return told;
  }

  /** Rooms until both processes have one; one of each. */
  async function roomOfEach(): Promise<Room[]> {
    const found = new Map<number, Room>();
    for (let tries = 0; found.size < 2 && tries < 20; tries += 1) {
      const room = await enter(at(tries % 2).player.create('sum'));
      found.set(await pidOf(room), room);
    }
    return games.map(({ process: child }) => found.get(child.pid ?? 0) ?? expect.fail('a process has no room'));
  }

  it('presence - has the same keys and topics in all processes', async () => {
    const other = new Client({ path: folder.path('bus') });
    await other.connect();
    const [one, two] = [busPresence(watcher), busPresence(other)];
    await one.set('key', 'value');
    expect([await two.get('key'), await two.exists('key'), await two.exists('none')]).to.deep.equal([
      'value',
      true,
      false,
    ]);
    const counts = await Promise.all([one, two, one, two].map((presence) => presence.hincrby('hash', 'count', 1)));
    expect(counts.toSorted()).to.deep.equal([1, 2, 3, 4]);
    await one.sadd('set', 'member');
    expect([await two.smembers('set'), await two.sismember('set', 'member')]).to.deep.equal([['member'], 1]);
    const popped = one.brpop('list', 5);
    await two.lpush('list', 'item');
    expect(await popped).to.deep.equal(['list', 'item']);
    const heard: unknown[] = [];
    const hear = (data: unknown): unknown => heard.push(data);
    await one.subscribe('a.topic', hear);
    await two.subscribe('a.topic', hear);
    expect(await two.channels('a.*')).to.deep.equal(['a.topic']);
    expect(await two.channels('aXtop??')).to.deep.equal([]);
    await two.publish('a.topic', { some: [Buffer.from('data')] });
    await until(() => heard.length === 2);
    expect(heard).to.deep.equal([1, 2].map(() => ({ some: [Buffer.from('data')] })));
    await one.unsubscribe('a.topic', hear);
    await other.close();
    await until(async () => (await one.channels('a.*')).length === 0);
  });

  it('rooms - are made in both, and found, joined and listed from either', async () => {
    const [, far = expect.fail()] = await roomOfEach();
    const other = await enter(at(0).player.joinById(far.roomId));
    const heard = new Promise((resolve) => far.onMessage('sum', resolve));
    expect(await add(other, 5)).to.deep.equal([5, at(1).process.pid]);
    expect(await heard).to.deep.equal([5, at(1).process.pid]);
    const listed = await rooms.query({ name: 'sum' });
    expect(new Set(listed.map(({ processId }) => processId)).size).to.equal(2);
    expect(listed.find(({ roomId }) => roomId === far.roomId)?.clients).to.equal(2);
    const some = await enter(at(1).player.joinOrCreate('sum'));
    expect(listed.map(({ roomId }) => roomId)).to.include(some.roomId);
  });

  it('a process that is killed - has no rooms any more and gets none, at once', async function () {
    const [near = expect.fail(), far = expect.fail()] = await roomOfEach();
    const gone = new Promise((resolve) => far.onLeave(resolve));
    const killedAt = performance.now();
    await kill(at(1).process);
    await until(async () => (await rooms.query({ roomId: far.roomId })).length === 0);
    const room = await enter(at(0).player.create('sum'));
    const passedMs = performance.now() - killedAt;
    expect(await pidOf(room)).to.equal(at(0).process.pid);
    expect(passedMs).to.be.below(shortTimeoutMs);
    await gone;
    expect(await add(near, 1)).to.deep.equal([1, at(0).process.pid]);
    if (this.test !== undefined) this.test.title += ` (${passedMs.toFixed(0)} ms)`;
  });

  it('a process that comes to too late - makes no room that nobody waits for', async () => {
    await roomOfEach();
    const before = (await rooms.query({})).length;
    at(1).process.kill('SIGSTOP');
    // Until one is asked of the process that is stopped: it is made here once that was waited for.
    let made = 0;
    for (let waitedMs = 0; waitedMs < shortTimeoutMs && made < 50; made += 1) {
      const askedAt = performance.now();
      expect(await pidOf(await enter(at(0).player.create('sum')))).to.equal(at(0).process.pid);
      waitedMs = performance.now() - askedAt;
    }
    expect(made).to.be.below(50);
    at(1).process.kill('SIGCONT');
    const late = await enter(at(1).player.create('sum'));
    await pidOf(late);
    expect((await rooms.query({})).length).to.equal(before + made + 1);
  });
});
