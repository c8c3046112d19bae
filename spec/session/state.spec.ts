import { expect } from 'chai';
import { describe, it } from 'mocha';
import { ClientStatus, Lifecycle, type State } from '../../lib/session/state.ts';

function walk(...states: State[]): { lifecycle: Lifecycle; statuses: ClientStatus[] } {
  const statuses: ClientStatus[] = [];
  const lifecycle = new Lifecycle((status) => statuses.push(status));
  for (const state of states) lifecycle.move(state);
  return { lifecycle, statuses };
}

describe('lifecycle', () => {
  it('statuses - are numbered as net-ipc numbers them', () => {
    expect(ClientStatus).to.deep.equal({
      IDLE: 0,
      CONNECTING: 1,
      CONNECTED: 2,
      READY: 3,
      DISCONNECTED: 4,
      RECONNECTING: 5,
    });
  });

  for (const states of [
    ['connecting'],
    ['connecting', 'connected'],
    ['connecting', 'connected', 'ready'],
  ] as State[][]) {
    it(`from ${states.at(-1)} - it goes to idle by way of status 4, and what is done on hearing that counts`, () => {
      const { statuses } = walk(...states, 'idle');
      expect(statuses.slice(-2)).to.deep.equal([4, 0]);
      const heard: unknown[] = [];
      const lifecycle = new Lifecycle((status) => {
        heard.push([status, lifecycle.status]);
        if (status === 4) lifecycle.move('connecting');
      });
      for (const state of [...states, 'idle'] as State[]) lifecycle.move(state);
      expect(heard.slice(-2)).to.deep.equal([
        [4, 4],
        [1, 1],
      ]);
    });
  }

  it('a life with a lost link - tells each status as it comes', () => {
    const { lifecycle, statuses } = walk(
      'connecting',
      'connected',
      'ready',
      'disconnected',
      'reconnecting',
      'connecting',
      'connected',
      'ready',
      'closing',
      'idle',
    );
    expect(statuses).to.deep.equal([1, 2, 3, 4, 5, 1, 2, 3, 4, 0]);
    expect(lifecycle.status).to.equal(ClientStatus.IDLE);
  });

  it('closing - is ready to the outside, and tells nothing', () => {
    const { lifecycle, statuses } = walk('connecting', 'connected', 'ready', 'closing');
    expect([lifecycle.status, lifecycle.is('closing')]).to.deep.equal([ClientStatus.READY, true]);
    expect(statuses).to.deep.equal([1, 2, 3]);
  });

  it('a move to where it is - is none', () => {
    const { lifecycle, statuses } = walk('connecting');
    lifecycle.move('connecting');
    expect(statuses).to.deep.equal([1]);
  });

  it('moves that the table does not have - are refused, and change nothing', () => {
    const wrong: [State[], State][] = [
      [[], 'ready'],
      [[], 'closing'],
      [['connecting'], 'ready'],
      [['connecting', 'connected', 'ready'], 'connecting'],
      [['connecting', 'connected', 'ready', 'closing'], 'ready'],
      [['connecting', 'connected', 'ready', 'closing'], 'disconnected'],
    ];
    for (const [before, to] of wrong) {
      const { lifecycle } = walk(...before);
      const state = lifecycle.state;
      expect(() => lifecycle.move(to), `${state} to ${to}`)
        .to.throw()
        .with.property('code', 'ERR_STATE');
      expect(lifecycle.state).to.equal(state);
    }
  });

  it('idle - can be reached from everywhere', () => {
    const lives: State[][] = [
      ['connecting'],
      ['connecting', 'connected'],
      ['connecting', 'connected', 'ready'],
      ['connecting', 'connected', 'ready', 'closing'],
      ['connecting', 'disconnected'],
      ['connecting', 'disconnected', 'reconnecting'],
    ];
    for (const life of lives) expect(walk(...life, 'idle').lifecycle.is('idle'), life.join(' ')).to.equal(true);
  });
});
