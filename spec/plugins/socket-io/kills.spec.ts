import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Client, Server } from '../../../lib/index.ts';
import { socketIo } from '../../../lib/plugins/socket-io/index.ts';
import { until } from '../../support/buses.ts';
import { socketFolder } from '../../support/links.ts';
import { countIn, newNode, type Node } from './nodes.ts';

interface Child {
  readonly process: ChildProcess;
  /** What it said first: the id of its socket. */
  readonly word: string;
}

/** Far below the 5 s that socket.io waits for a node that says nothing. */
const soonMs = 3_000;

describe('socket.io in processes', function () {
  this.timeout(30_000);
  let folder: ReturnType<typeof socketFolder>;
  let path: string;
  let children: Child[];
  let nodes: Node[];
  let ends: (Client | Server)[];

  beforeEach(() => {
    folder = socketFolder();
    path = folder.path('s');
    children = [];
    nodes = [];
    ends = [];
  });

  afterEach(async () => {
    await Promise.all(children.map(kill));
    for (const { io, page } of nodes) {
      page.disconnect();
      await io.close();
    }
    for (const end of ends.reverse()) await end.close();
    folder.remove();
  });

  async function child(role: 'hub' | 'node'): Promise<Child> {
    const forked = fork(new URL('node-program.js', import.meta.url), [role, path]);
    const entry = { process: forked, word: '' };
    children.push(entry);
    [entry.word] = (await once(forked, 'message')) as [string];
    return entry;
  }

  async function kill({ process: child }: Child): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** A process that is stopped says nothing, and is not taken for dead. */
  async function stop(child: Child): Promise<void> {
    child.process.kill('SIGSTOP');
    await until(() => / [Tt] /.test(readFileSync(`/proc/${child.process.pid}/stat`, 'latin1')));
  }

  async function hub(): Promise<Node> {
    const server = new Server({ path });
    ends.push(server);
    const node = await newNode(server.use(socketIo()));
    nodes.push(node);
    await server.start();
    return node;
  }

  async function member(): Promise<Node> {
    const client = new Client({ path });
    ends.push(client);
    const node = await newNode(client.use(socketIo()));
    nodes.push(node);
    await client.connect();
    return node;
  }

  for (const asker of ['the hub', 'a client'] as const) {
    it(`a node that is killed while ${asker} waits for it - is waited for no longer, and the others' answers count`, async function () {
      const atHub = await hub();
      const atClient = await member();
      const { io } = asker === 'the hub' ? atHub : atClient;
      const [survivor, victim] = await Promise.all([child('node'), child('node')]);
      await until(async () => (await countIn(io)) === 4);
      const ids = [atHub.socket.id, atClient.socket.id, survivor.word];
      expect((await io.fetchSockets()).map(({ id }) => id)).to.have.members([...ids, victim.word]);
      for (const node of [atHub, atClient]) {
        node.io.on('ask', (done: (value: unknown) => void) => done(process.pid));
        node.page.on('ask', (done: (value: unknown) => void) => done(process.pid));
      }
      await stop(victim);
      const sockets = io.fetchSockets();
      const told = io.serverSideEmitWithAck('ask');
      // Timers of socket.io for acknowledgements run to their end: they are looked at once.
      const acknowledged = asker === 'the hub' ? io.timeout(3_000).emitWithAck('ask') : undefined;
      const killedAt = performance.now();
      victim.process.kill('SIGKILL');
      const found = await sockets;
      const passedMs = performance.now() - killedAt;
      expect(found.map(({ id }) => id)).to.have.members(ids);
      expect(passedMs).to.be.below(soonMs);
      expect(await told).to.have.members([process.pid, survivor.process.pid]);
      if (acknowledged !== undefined) {
        expect(await acknowledged).to.have.members([process.pid, process.pid, survivor.process.pid]);
      }
      expect(await countIn(io)).to.equal(3);
      if (this.test !== undefined) this.test.title += ` (${passedMs.toFixed(0)} ms)`;
    });
  }

  it('a hub that is killed - leaves its nodes alone, who wait for nobody any more', async function () {
    const first = await child('hub');
    const node = await member();
    const other = await child('node');
    await until(async () => (await countIn(node.io)) === 2);
    expect((await node.io.fetchSockets()).map(({ id }) => id)).to.have.members([node.socket.id, other.word]);
    await stop(other);
    const sockets = node.io.fetchSockets();
    const killedAt = performance.now();
    await kill(first);
    expect((await sockets).map(({ id }) => id)).to.deep.equal([node.socket.id]);
    const passedMs = performance.now() - killedAt;
    expect(passedMs).to.be.below(soonMs);
    if (this.test !== undefined) this.test.title += ` (${passedMs.toFixed(0)} ms)`;
    other.process.kill('SIGCONT');
    await child('hub');
    await until(async () => (await countIn(node.io)) === 2);
    expect((await node.io.fetchSockets()).map(({ id }) => id)).to.have.members([node.socket.id, other.word]);
  });
});
