import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { systemClock } from '../../lib/base/system-clock.ts';
import { IncomingRequests } from '../../lib/bus/requests/incoming-requests.ts';
import { RequestDispatcher } from '../../lib/bus/requests/request-dispatcher.ts';
import { type BusError, Client, Server } from '../../lib/index.ts';
import { type Asking, Backlog } from '../../lib/session/backlog.ts';
import type { Session } from '../../lib/session/session.ts';
import type { MessageFrame, RequestFrame, RequestId } from '../../lib/wire/frames.ts';
import { turn } from '../support/buses.ts';
import { definePlugin, type Lane, type PeerHandle } from '../../lib/bus/plugin.ts';

const maxBytes = 40_000;

describe('backlog', () => {
  let heard: string[];
  /** Windows that are under way to the peer. */
  let owed: number;
  let answerBytes: number;
  let later: (() => void)[];
  let backlog: Backlog;
  let isShut: boolean;
  let sequence: number;
  let acknowledged: boolean;

  beforeEach(() => {
    heard = [];
    owed = 0;
    answerBytes = 100;
    later = [];
    isShut = false;
    sequence = 0;
    acknowledged = false;
    const session = {
      pendingBytes: 0,
      pendingBytesOf: () => owed * maxBytes,
      pong(id: RequestId) {
        heard.push(`ping ${id}`);
        session.pendingBytes += answerBytes;
      },
      fail: (_lane: string, id: RequestId) => void heard.push(`refused ${id}`),
      shut: () => void (isShut = true),
      open: () => void (isShut = false),
      heard: () => void (acknowledged = true),
    };
    const events = {
      onMessage: ({ data }: MessageFrame) => void heard.push(String(data)),
      onRequest({ id }: RequestFrame) {
        heard.push(`request ${id}`);
        session.pendingBytes += answerBytes;
      },
    };
    const clock = { ...systemClock, defer: (task: () => void) => void later.push(task) };
    backlog = new Backlog(events, session, clock, maxBytes);
  });

  const message = (data: string): Asking => ({ type: 'message', lane: 0, data, confirm: false, size: 20 });
  const request = (id: number): Asking => ({ type: 'request', lane: 0, id, data: 1, timeoutMs: undefined, size: 20 });
  const take = (...frames: Asking[]): void => {
    for (const frame of frames) backlog.take(frame, '', 0, ++sequence);
  };

  const turn = (): void => {
    for (const task of later.splice(0)) task();
  };

  it('messages and requests - go on at once while there is room for answers', () => {
    take(message('a'), request(1), message('b'), { type: 'ping', id: 2, data: undefined, size: 12 });
    expect(heard).to.deep.equal(['a', 'request 1', 'b', 'ping 2']);
    expect(backlog.length).to.equal(0);
  });

  it('without room - messages go on until something is asked, and then all waits its turn', () => {
    owed = 5;
    take(message('a'), request(1), message('b'), request(2), message('c'));
    backlog.drain();
    expect(heard).to.deep.equal(['a']);
    owed = 0;
    backlog.drain();
    expect(heard).to.deep.equal(['a', 'request 1', 'b', 'request 2', 'c']);
  });

  it('a message that waits behind what is asked - has more room made for it, and counts as unheard until it was given on', () => {
    owed = 2;
    take(message('a'), request(1));
    expect(backlog.unheard).to.equal(Number.POSITIVE_INFINITY);
    take(message('b'), request(2), message('c'));
    expect(backlog.unheard).to.equal(3);
    expect(heard).to.deep.equal(['a']);
    turn();
    expect(heard).to.deep.equal(['a', 'request 1', 'b', 'request 2', 'c']);
    expect({ acknowledged, unheard: backlog.unheard }).to.deep.equal({
      acknowledged: true,
      unheard: Number.POSITIVE_INFINITY,
    });
    owed = 4;
    heard = [];
    take(request(3), message('d'));
    turn();
    expect(heard).to.deep.equal(['refused 3', 'd']);
  });

  it('a request that is given up while it waits - is never begun', () => {
    owed = 5;
    take(request(1), request(2), message('a'));
    expect(backlog.drop(1)).to.equal(true);
    expect(backlog.drop(3)).to.equal(false);
    owed = 0;
    backlog.drain();
    expect(heard).to.deep.equal(['request 2', 'a']);
  });

  const fill = (): number => {
    for (let id = 1; !isShut; id++) take(request(id));
    return backlog.length;
  };

  it('too much that waits - lets the peer wait until half of it is gone, and drops pings', () => {
    owed = 2;
    const waiting = fill();
    expect(waiting).to.be.within(30, 40);
    take({ type: 'ping', id: 7, data: undefined, size: 12 }, message('last'));
    expect(backlog.length).to.equal(waiting + 1);
    expect(heard).to.deep.equal([]);
    owed = 0;
    turn();
    expect(isShut).to.equal(false);
    expect(heard.at(-1)).to.equal('last');
    expect(heard.join()).to.not.contain('refused');
  });

  it('a peer that is kept waiting - has more room for answers, then is refused what waits, and hears of it up to a bound', () => {
    owed = 2;
    const waiting = fill();
    owed = 3;
    turn();
    expect(isShut).to.equal(false);
    expect(heard.length).to.be.within(waiting / 2, waiting / 2 + 2);
    expect(heard.join()).to.not.contain('refused');
    heard = [];
    owed = 5;
    fill();
    turn();
    expect(heard).to.deep.equal([]);
    owed = 4;
    backlog.drain();
    expect(isShut).to.equal(false);
    expect(heard.length).to.be.within(waiting / 2, waiting / 2 + 2);
    expect(heard.filter((text) => !text.startsWith('refused'))).to.deep.equal([]);
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
    owed = 2;
    take(request(1), message('a'), request(2), message('b'));
    backlog.end();
    expect(heard).to.deep.equal(['a', 'b']);
    expect(backlog.length).to.equal(0);
  });
});

describe('an answer that the peer has no room for', () => {
  it('is refused to who gives it, and the requester is told', async () => {
    const told: unknown[] = [];
    const session = {
      respond: () => told.push('an answer'),
      fail: (_lane: string, id: unknown, { code }: { readonly code: string }) => told.push([id, code]),
      pendingBytesOf: () => Number.POSITIVE_INFINITY,
    } as unknown as Session;
    const owner = { handle: { id: 'x' } as PeerHandle, session, settled() {} };
    const options = { clock: systemClock, maxUnackedBytes: 1, maxOpenRequests: 10, exposeErrorDetails: false };
    const requests = new IncomingRequests(owner, options);
    const dispatcher = new RequestDispatcher(
      () => true,
      () => told.push('a bug'),
    );
    const outcomes: unknown[] = [];
    const ask = (id: number): void => {
      const request = requests.begin(id, '', undefined, 0);
      if (request === undefined) return;
      dispatcher.take(request, 1, (_data, respond) =>
        outcomes.push(respond('much').catch(({ code }: BusError) => code)),
      );
    };
    ask(1);
    expect(await Promise.all(outcomes)).to.deep.equal(['ERR_QUEUE_FULL']);
    dispatcher.handle(() => 'much');
    ask(2);
    await turn();
    expect(told.toSorted()).to.deep.equal([
      [1, 'ERR_QUEUE_FULL'],
      [2, 'ERR_QUEUE_FULL'],
    ]);
    expect(requests.open).to.equal(0);
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

  it('both ways at once, on the lane of the user and that of a plugin, three times what may be unacknowledged - all come', async () => {
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

  it('a loop over messages that asks for each - is answered, however many messages wait behind it', async () => {
    await using server = new Server({ url: 'memory:loop-that-asks', maxPendingMessages: 3_000 });
    server.handle((data) => data);
    await server.start();
    await using client = new Client({ url: 'memory:loop-that-asks' });
    await client.connect();
    const [connection] = server.connections;
    const sent = (async () => {
      for (let n = 0; n < 10_000; n++) await connection?.send(n);
    })();
    let expected = 0;
    for await (const data of client.messages()) {
      expect(await client.request(data, 5_000)).to.equal(expected++);
      if (expected === 10_000) break;
    }
    await sent;
  });
});
