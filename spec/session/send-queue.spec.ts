import { expect } from 'chai';
import { describe, it } from 'mocha';
import { BusError } from '../../lib/base/errors.ts';
import { SendQueue, type SlowConsumerPolicy, type Waiting } from '../../lib/session/send-queue.ts';

const most = 16_384;

class Recorder {
  readonly sent: (number | string)[] = [];
  readonly failed: string[] = [];

  make(name: number | string, kind: Waiting['kind'] = 'message'): Waiting {
    return {
      kind,
      send: () => this.sent.push(name),
      fail: ({ code }) => this.failed.push(`${name} ${code}`),
    };
  }
}

describe('send queue', () => {
  it('drain - sends in order while it may', () => {
    const recorder = new Recorder();
    const waiting = new SendQueue('wait');
    for (let number = 0; number < 5_000; number++) waiting.push(recorder.make(number));
    let room = 1_500;
    waiting.drain(() => room-- > 0);
    expect(waiting.length).to.equal(3_500);
    waiting.drain(() => true);
    expect(waiting.length).to.equal(0);
    expect(recorder.sent).to.deep.equal(Array.from({ length: 5_000 }, (_, number) => number));
  });

  it('drain - a send that throws is failed with it, and the next one goes', () => {
    const recorder = new Recorder();
    const waiting = new SendQueue('wait');
    const throwing = (error: unknown): Waiting => ({
      ...recorder.make('bad'),
      send: () => {
        throw error;
      },
    });
    waiting.push(throwing(new BusError('ERR_TOO_LARGE')));
    waiting.push(throwing(new TypeError('no')));
    waiting.push(recorder.make('good'));
    waiting.drain(() => true);
    expect(recorder.failed).to.deep.equal(['bad ERR_TOO_LARGE', 'bad ERR_UNENCODABLE']);
    expect(recorder.sent).to.deep.equal(['good']);
  });

  it('drain - one that is pushed while sending comes after those that wait', () => {
    const recorder = new Recorder();
    const waiting = new SendQueue('wait');
    waiting.push({ ...recorder.make('first'), send: () => waiting.push(recorder.make('third')) });
    waiting.push(recorder.make('second'));
    waiting.drain(() => true);
    expect(recorder.sent).to.deep.equal(['second', 'third']);
  });

  for (const policy of ['wait', 'drop-newest', 'disconnect'] satisfies SlowConsumerPolicy[]) {
    it(`a full queue under ${policy} - refuses the newest`, () => {
      const recorder = new Recorder();
      const waiting = new SendQueue(policy);
      for (let number = 0; number <= most; number++) waiting.push(recorder.make(number));
      expect(recorder.failed).to.deep.equal([`${most} ERR_QUEUE_FULL`]);
      expect(waiting.length).to.equal(most);
    });
  }

  it('a full queue under drop-oldest - drops the oldest message, and never a request', () => {
    const recorder = new Recorder();
    const waiting = new SendQueue('drop-oldest');
    waiting.push(recorder.make('request', 'request'));
    for (let number = 1; number <= most; number++) waiting.push(recorder.make(number));
    expect(recorder.failed).to.deep.equal(['1 ERR_SLOW_CONSUMER']);
    waiting.drain(() => true);
    expect(recorder.sent.slice(0, 2)).to.deep.equal(['request', 2]);
  });

  it('a full queue of requests under drop-oldest - refuses the newest', () => {
    const recorder = new Recorder();
    const waiting = new SendQueue('drop-oldest');
    for (let number = 0; number <= most; number++) waiting.push(recorder.make(number, 'request'));
    expect(recorder.failed).to.deep.equal([`${most} ERR_QUEUE_FULL`]);
  });

  it('remove - takes one out wherever it stands, and leaves the order of the others', () => {
    const recorder = new Recorder();
    const waiting = new SendQueue('wait');
    const all = ['first', 'a', 'middle', 'b', 'last'].map((name) => recorder.make(name, 'request'));
    for (const one of all) waiting.push(one);
    for (const at of [2, 0, 4]) waiting.remove(all[at]!);
    expect(waiting.length).to.equal(2);
    waiting.push(recorder.make('c'));
    waiting.drain(() => true);
    expect([recorder.sent, recorder.failed, waiting.length]).to.deep.equal([['a', 'b', 'c'], [], 0]);
  });

  it('remove - of one that was sent, or waits elsewhere, does nothing', () => {
    const recorder = new Recorder();
    const [waiting, other] = [new SendQueue('wait'), new SendQueue('wait')];
    const [sent, elsewhere] = [recorder.make('sent'), recorder.make('elsewhere')];
    waiting.push(sent);
    waiting.drain(() => true);
    other.push(elsewhere);
    waiting.push(recorder.make('kept'));
    for (const one of [sent, elsewhere]) waiting.remove(one);
    expect([waiting.length, other.length]).to.deep.equal([1, 1]);
  });

  it('remove - makes room in a full queue', () => {
    const recorder = new Recorder();
    const waiting = new SendQueue('wait');
    const all = Array.from({ length: most }, (_, number) => recorder.make(number));
    for (const one of all) waiting.push(one);
    for (const one of all.reverse()) waiting.remove(one);
    for (const one of all) waiting.push(one);
    expect([waiting.length, recorder.failed]).to.deep.equal([most, []]);
  });

  it('fail - fails those that are picked and keeps the order of the others', () => {
    const recorder = new Recorder();
    const waiting = new SendQueue('wait');
    waiting.push(recorder.make('a'));
    waiting.push(recorder.make('b', 'request'));
    waiting.push(recorder.make('c'));
    waiting.push(recorder.make('d', 'request'));
    waiting.fail(new BusError('ERR_SLOW_CONSUMER'), ({ kind }) => kind === 'message');
    expect(recorder.failed).to.deep.equal(['a ERR_SLOW_CONSUMER', 'c ERR_SLOW_CONSUMER']);
    waiting.drain(() => true);
    expect(recorder.sent).to.deep.equal(['b', 'd']);
  });

  it('fail - one that is pushed by a failure is not failed with the others', () => {
    const recorder = new Recorder();
    const waiting = new SendQueue('wait');
    waiting.push({ ...recorder.make('a'), fail: () => waiting.push(recorder.make('b')) });
    waiting.fail(new BusError('ERR_CLOSED'));
    expect([waiting.length, recorder.failed.length]).to.deep.equal([1, 0]);
  });
});
