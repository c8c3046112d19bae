import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { BusError, type MessageRequestContext, MessageRequests, type RemoteFailure } from '../../lib/index.ts';
import { VirtualClock } from '../../lib/testing/virtual-clock.ts';
import { rejection } from '../support/links.ts';

type Handler = (data: unknown, context: MessageRequestContext<string>) => unknown;

interface End {
  readonly requests: MessageRequests<string>;
  readonly reports: unknown[];
  readonly unclaimed: unknown[];
  /** What this end sends goes to the other one; replaced, it gets lost, or fails. */
  send(frame: () => void): Promise<void>;
  handler: Handler;
}

/** Two ends, and between them whatever was not lost, in order. */
function pair(clock: VirtualClock): readonly [End, End] {
  const ends: End[] = [];
  for (const [index, name] of ['b', 'a'].entries()) {
    const other = (): End => ends[1 - index] as End;
    const end: End = {
      reports: [],
      unclaimed: [],
      send: async (frame) => queueMicrotask(frame),
      handler: (data) => data,
      requests: new MessageRequests<string>({
        clock,
        peer: name,
        carrier: {
          request: (id, data, timeoutMs) =>
            end.send(() => other().requests.received(id, timeoutMs, (context) => other().handler(data, context))),
          answer: (id, data) => end.send(() => other().requests.answered(id, data)),
          failure: (id, failure: RemoteFailure) => end.send(() => other().requests.failed(id, failure)),
          cancel: (id) => end.send(() => other().requests.cancelled(id)),
        },
        report: (error) => end.reports.push(error),
        unclaimed: (answer) => end.unclaimed.push(answer),
      }),
    };
    ends.push(end);
  }
  return ends as unknown as readonly [End, End];
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('requests over messages', () => {
  let clock: VirtualClock;
  let asking: End;
  let answering: End;
  beforeEach(() => {
    clock = new VirtualClock();
    [asking, answering] = pair(clock);
  });

  it('answers - come to who asked, whatever their order', async () => {
    let first: (value: string) => void = () => undefined;
    answering.handler = (data) => (data === 1 ? new Promise((resolve) => (first = resolve)) : `answer ${String(data)}`);
    const one = asking.requests.request(1);
    expect(await asking.requests.request(2)).to.equal('answer 2');
    first('answer 1');
    expect(await one).to.equal('answer 1');
    expect([asking.unclaimed, answering.reports]).to.deep.equal([[], []]);
  });

  it('answers - both ways at once, under the same numbers', async () => {
    asking.handler = () => 'from a';
    answering.handler = () => 'from b';
    expect(await Promise.all([asking.requests.request(1), answering.requests.request(1)])).to.deep.equal([
      'from b',
      'from a',
    ]);
  });

  it('failures - keep their code and details, and those without a code are reported where they happened', async () => {
    answering.handler = () => {
      throw new BusError('ERR_REFUSED', 'no', { details: 5 });
    };
    expect(await rejection(asking.requests.request(1))).to.include({ code: 'ERR_REFUSED', message: 'no', details: 5 });
    expect(answering.reports).to.deep.equal([]);
    const bug = new TypeError('bug');
    answering.handler = () => Promise.reject(bug);
    expect(await rejection(asking.requests.request(1))).to.include({ code: 'ERR_REMOTE', message: 'bug' });
    expect(answering.reports).to.deep.equal([bug]);
  });

  it('timeout, signal - reject, cancel at the other side, and a late answer is unclaimed', async () => {
    const contexts: MessageRequestContext<string>[] = [];
    const answers: ((value: unknown) => void)[] = [];
    answering.handler = (_data, context) => {
      contexts.push(context);
      return new Promise((resolve) => answers.push(resolve));
    };
    const unsent: number[] = [];
    const late = rejection(asking.requests.request(1, { timeout: 50 }));
    const controller = new AbortController();
    const aborted = rejection(asking.requests.request(2, { timeout: 0, signal: controller.signal }));
    await turn();
    expect(contexts.map(({ peer, deadline }) => [peer, deadline])).to.deep.equal([
      ['a', 50],
      ['a', undefined],
    ]);
    for (const [index, context] of contexts.entries()) context.whenUnsent(() => unsent.push(index));
    answering.send = async () => undefined;
    clock.advance(50);
    controller.abort();
    expect((await late).code).to.equal('ERR_TIMEOUT');
    expect((await aborted).code).to.equal('ERR_ABORTED');
    await turn();
    expect(contexts.map(({ signal }) => signal.aborted)).to.deep.equal([true, true]);
    expect(unsent).to.deep.equal([0, 1]);
    for (const answer of answers) answer('late');
    asking.requests.answered(1, 'crossed');
    expect(asking.unclaimed).to.deep.equal(['crossed']);
  });

  it('a carrier that fails - rejects the request; an answer that it refuses becomes a failure', async () => {
    asking.send = () => Promise.reject(new BusError('ERR_CLOSED', 'gone'));
    expect(await rejection(asking.requests.request(1))).to.include({ code: 'ERR_CLOSED', message: 'gone' });
    asking.send = () => {
      throw new BusError('ERR_UNENCODABLE', 'a function');
    };
    expect((await rejection(asking.requests.request(1))).code).to.equal('ERR_UNENCODABLE');
    asking.send = async (frame) => frame();
    const usual = answering.send;
    for (const refuse of [
      () => Promise.reject(new BusError('ERR_TOO_LARGE', 'much')),
      () => {
        throw new BusError('ERR_TOO_LARGE', 'much');
      },
    ]) {
      let unsent = 0;
      answering.handler = (_data, context) => context.whenUnsent(() => (unsent += 1));
      answering.send = (...args) => {
        answering.send = usual;
        return (refuse as typeof usual)(...args);
      };
      expect(await rejection(asking.requests.request(1))).to.include({ code: 'ERR_TOO_LARGE', message: 'much' });
      expect(unsent).to.equal(1);
    }
  });

  it('close - settles what was asked and what is being answered in the same turn', async () => {
    let signal: AbortSignal | undefined;
    answering.handler = (_data, context) => {
      ({ signal } = context);
      return new Promise(() => undefined);
    };
    const refused = rejection(asking.requests.request(1, { timeout: 0 }));
    await turn();
    const over = new BusError('ERR_CLOSED', 'over');
    answering.requests.close(over);
    expect(signal?.reason).to.equal(over);
    asking.requests.close(over);
    expect(await refused).to.equal(over);
  });

  it('options - that are none are refused', () => {
    for (const wrong of [{ timeout: -1 }, { idempotent: true }, { signal: 5 }, 'soon']) {
      expect(() => asking.requests.request(1, wrong as object))
        .to.throw()
        .with.property('code', 'ERR_INVALID_ARGUMENT');
    }
  });
});
