import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { systemClock } from '../../lib/base/system-clock.ts';
import { type Asking, Backlog } from '../../lib/bus/backlog.ts';
import { Client, Server } from '../../lib/index.ts';
import { definePlugin, type Lane, type PeerHandle } from '../../lib/bus/plugin.ts';

const maxBytes = 10_000;

describe('backlog', () => {
  let heard: string[];
  let hasRoom: boolean;
  let answerBytes: number;
  let later: (() => void)[];
  let backlog: Backlog;
  let isShut: boolean;

  beforeEach(() => {
    heard = [];
    hasRoom = true;
    answerBytes = 100;
    later = [];
    isShut = false;
    const out = { pendingBytes: 0 };
    const owner = {
      mayAnswer: () => hasRoom,
      session: {
        out,
        shut: () => (isShut = true),
        open: () => (isShut = false),
      },
      answers: { refuse: ({ id }: { readonly id: unknown }) => heard.push(`refused ${String(id)}`) },
      deliver: (frame: Asking) => {
        heard.push(frame.type === 'message' ? String(frame.data) : `${frame.type} ${frame.id}`);
        if (frame.type !== 'message') out.pendingBytes += answerBytes;
      },
    };
    backlog = new Backlog(owner, { ...systemClock, defer: (task) => later.push(task) }, maxBytes);
  });

  const message = (data: string): Asking => ({ type: 'message', lane: 0, data, confirm: false, size: 20 });
  const request = (id: number): Asking => ({ type: 'request', lane: 0, id, data: 1, timeoutMs: undefined, size: 20 });
  const take = (...frames: Asking[]): void => {
    for (const frame of frames) backlog.take(frame, '', 0);
  };

  it('messages and requests - go on at once while there is room for answers', () => {
    take(message('a'), request(1), message('b'), { type: 'ping', id: 2, data: undefined, size: 12 });
    expect(heard).to.deep.equal(['a', 'request 1', 'b', 'ping 2']);
    expect(backlog.length).to.equal(0);
  });

  it('without room - messages go on until something is asked, and then all waits its turn', () => {
    hasRoom = false;
    take(message('a'), request(1), message('b'), request(2), message('c'));
    backlog.drain();
    expect(heard).to.deep.equal(['a']);
    hasRoom = true;
    backlog.drain();
    expect(heard).to.deep.equal(['a', 'request 1', 'b', 'request 2', 'c']);
  });

  it('a request that is given up while it waits - is never begun', () => {
    hasRoom = false;
    take(request(1), request(2), message('a'));
    expect(backlog.drop(1)).to.equal(true);
    expect(backlog.drop(3)).to.equal(false);
    hasRoom = true;
    backlog.drain();
    expect(heard).to.deep.equal(['request 2', 'a']);
  });

  it('too much that waits - refuses requests, drops pings, and lets no more messages come until half of it is gone', () => {
    hasRoom = false;
    for (let id = 1; id <= 100; id++) take(request(id));
    expect(heard.length).to.be.within(55, 70);
    expect(heard.at(-1)).to.equal('refused 100');
    const waiting = backlog.length;
    take({ type: 'ping', id: 7, data: undefined, size: 12 });
    expect(backlog.length).to.equal(waiting);
    expect(isShut).to.equal(false);
    take(message('last'));
    expect(isShut).to.equal(true);
    hasRoom = true;
    backlog.drain();
    expect(isShut).to.equal(false);
    expect(heard.at(-1)).to.equal('last');
  });

  it('answers of more than a megabyte - end the turn, and the rest follows in the next ones', () => {
    answerBytes = 400_000;
    for (let id = 1; id <= 7; id++) take(request(id));
    const turns: number[] = [heard.length];
    while (later.length > 0) {
      const seen = heard.length;
      for (const task of later.splice(0)) task();
      if (heard.length > seen) turns.push(heard.length - seen);
    }
    expect(turns).to.deep.equal([3, 3, 1]);
    expect(heard).to.deep.equal([1, 2, 3, 4, 5, 6, 7].map((id) => `request ${id}`));
  });

  it('the end of a session - lets messages be heard that were taken, and begins nothing', () => {
    hasRoom = false;
    take(request(1), message('a'), request(2), message('b'));
    backlog.end();
    expect(heard).to.deep.equal(['a', 'b']);
    expect(backlog.length).to.equal(0);
  });
});

describe('large answers', () => {
  const size = 262_144;
  const many = 200;
  const plugin = definePlugin<Lane, Lane>({
    name: 'large',
    server: (host) => ({ api: host.lane({ request: () => Buffer.alloc(size) }) }),
    client: (host) => ({ api: host.lane({ request: () => Buffer.alloc(size) }) }),
  });

  it('both ways at once, on the lane of the user and that of a plugin, three times what may be unacknowledged - all come', async function () {
    this.timeout(60_000);
    await using server = new Server({ url: 'memory:large-answers' });
    const onServer = server.use(plugin);
    server.handle(() => Buffer.alloc(size));
    await server.start();
    await using client = new Client({ url: 'memory:large-answers' });
    const onClient = client.use(plugin);
    client.handle(() => Buffer.alloc(size));
    await client.connect();
    const [connection] = server.connections;
    const ask = (request: () => Promise<unknown>): Promise<unknown>[] => Array.from({ length: many }, request);
    const settings = { timeout: 0 };
    const answers = await Promise.all([
      ...ask(() => client.request(1, settings)),
      ...ask(() => (connection as NonNullable<typeof connection>).request(1, settings)),
      ...ask(() => onClient.request(client as unknown as PeerHandle, 1, settings)),
      ...ask(() => onServer.request(connection as unknown as PeerHandle, 1, settings)),
    ]);
    expect(answers.every((answer) => Buffer.isBuffer(answer) && answer.length === size)).to.equal(true);
  });
});
