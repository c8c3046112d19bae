import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { BusError } from '../../lib/base/errors.ts';
import { type Pending, PendingTable } from '../../lib/bus/requests/pending-table.ts';
import { VirtualClock } from '../../lib/testing/virtual-clock.ts';
import { turn } from '../support/buses.ts';

describe('pending table', () => {
  let clock: VirtualClock;
  let table: PendingTable;
  let events: string[];

  beforeEach(() => {
    clock = new VirtualClock();
    events = [];
    table = new PendingTable(clock, (id) => events.push(`timeout ${id}`));
  });

  function ask(name: string, timeoutMs = Infinity, more: Partial<Pending> = {}): number {
    return table.add({
      kind: 'request',
      lane: '',
      resolve(value) {
        if (value instanceof Promise) value.catch(({ code }: BusError) => events.push(`${name} ${code}`));
        else events.push(`${name} resolved ${String(value)}`);
      },
      reject: (error) => events.push(`${name} ${error.code}`),
      deadline: clock.now() + timeoutMs,
      askedAt: clock.now(),
      sent: false,
      release: () => events.push(`${name} released`),
      ...more,
    });
  }

  it('an answer - takes its question once; the second one is late, and so is one for nobody', () => {
    const id = ask('a');
    table.take(id)?.resolve(1);
    expect(table.take(id)).to.equal(undefined);
    expect(table.take('stranger')).to.equal(undefined);
    expect(table.take(99)).to.equal(undefined);
    expect(events).to.deep.equal(['a released', 'a resolved 1']);
    expect([table.size, table.late]).to.deep.equal([0, 3]);
  });

  it('timeouts - reject at their time, each once, whatever order they were asked in', async () => {
    ask('slow', 300);
    ask('quick', 100);
    ask('endless');
    ask('middle', 200);
    clock.advance(99);
    expect(events).to.deep.equal([]);
    clock.advance(1);
    await turn();
    expect(events).to.deep.equal(['quick released', 'timeout 2', 'quick ERR_TIMEOUT']);
    clock.advance(100);
    await turn();
    clock.advance(100);
    await turn();
    expect(events.filter((event) => event.endsWith('ERR_TIMEOUT'))).to.deep.equal([
      'quick ERR_TIMEOUT',
      'middle ERR_TIMEOUT',
      'slow ERR_TIMEOUT',
    ]);
    clock.advance(1_000_000);
    expect(table.size).to.equal(1);
  });

  it('timers - there is one for all questions, and none when all were rejected', () => {
    for (let question = 0; question < 50; question++) ask(`q${question}`, 1_000 + question);
    expect(clock.pending).to.equal(1);
    table.reject(new BusError('ERR_CLOSED'));
    expect(clock.pending).to.equal(0);
    expect(events.filter((event) => event.endsWith('ERR_CLOSED'))).to.have.lengthOf(50);
  });

  it('reject - leaves those that are not picked', () => {
    ask('sent', Infinity, { sent: true });
    ask('waiting');
    table.reject(new BusError('ERR_SESSION_LOST'), (pending) => pending.sent);
    expect(events).to.deep.equal(['sent released', 'sent ERR_SESSION_LOST']);
    expect(table.size).to.equal(1);
  });

  it('a rejection that asks again - does not reject the new question', () => {
    ask('first', Infinity, { reject: () => ask('second') });
    table.reject(new BusError('ERR_SESSION_LOST'));
    expect(table.size).to.equal(1);
    expect(events).to.deep.equal(['first released']);
  });

  it('retryAll - asks again what was sent and may be, in order', () => {
    const retried: string[] = [];
    const waitingAs = (name: string): Pending['waiting'] => ({
      kind: 'request',
      send: () => retried.push(name),
      fail() {},
    });
    ask('a', Infinity, { sent: true, waiting: waitingAs('a') });
    ask('b', Infinity, { sent: true });
    ask('c', Infinity, { waiting: waitingAs('c') });
    ask('d', Infinity, { sent: true, waiting: waitingAs('d') });
    table.retryAll((waiting) => waiting.send());
    expect(retried).to.deep.equal(['a', 'd']);
    expect(table.sent).to.equal(1);
  });
});
