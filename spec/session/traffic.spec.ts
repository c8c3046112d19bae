import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type Sighting, Traffic, Watchers, otherLanes } from '../../lib/session/traffic.ts';

function counting(): { traffic: Traffic<string>; watchers: Watchers<string> } {
  const watchers = new Watchers<string>();
  watchers.lanes.add('plugin');
  return { traffic: new Traffic('peer', watchers), watchers };
}

const lanesOf = (traffic: Traffic): string[] => [...traffic.lanes()].map(([name]) => name);

describe('traffic', () => {
  it('lanes - a peer that names its own ones adds one count to those of plugins, whatever it sends', () => {
    const { traffic } = counting();
    for (let i = 0; i < 1_000; i++) traffic.received('message', `made up ${i}`, {}, 10);
    traffic.received('message', 'plugin', {}, 5);
    expect(lanesOf(traffic)).to.have.members(['', 'plugin', otherLanes]);
    expect(Object.fromEntries(traffic.lanes())[otherLanes]).to.include({
      messagesReceived: 1_000,
      bytesReceived: 10_000,
    });
  });

  it('answers - count in bytes, and not as messages or requests', () => {
    const { traffic } = counting();
    traffic.received('request', '', { id: 1 }, 20);
    traffic.sent('response', '', 1, undefined, 30);
    expect(traffic.user).to.include({
      requestsReceived: 1,
      requestsSent: 0,
      messagesSent: 0,
      bytesSent: 30,
      bytesReceived: 20,
    });
  });

  it('refusals - codes that a peer made up count as one', () => {
    const { traffic } = counting();
    traffic.refused('ERR_SERVER_FULL');
    for (let i = 0; i < 100; i++) traffic.refused(`ERR_${i}`);
    expect([...(traffic.refusals ?? [])]).to.deep.equal([
      ['ERR_SERVER_FULL', 1],
      ['ERR_REFUSED', 100],
    ]);
  });

  it('watchers - each sees what goes by from the moment it is added until it is removed', () => {
    const { traffic, watchers } = counting();
    const seen: [string, Sighting<string>][] = [];
    const add = (name: string): (() => void) => watchers.add({ saw: (sighting) => void seen.push([name, sighting]) });
    traffic.sent('message', '', undefined, 'before', 1);
    const removeOne = add('one');
    traffic.sent('message', '', undefined, 'first', 1);
    const removeOther = add('other');
    traffic.received('request', 'plugin', { id: 4, data: 'second' }, 2);
    removeOne();
    removeOne();
    traffic.received('failure', '', { id: 5, error: 'third' }, 3);
    removeOther();
    traffic.sent('message', '', undefined, 'after', 1);
    expect(watchers.watcher).to.equal(undefined);
    expect(seen.map(([name, { data }]) => [name, data])).to.deep.equal([
      ['one', 'first'],
      ['one', 'second'],
      ['other', 'second'],
      ['other', 'third'],
    ]);
    expect(seen[1]?.[1]).to.deep.equal({
      peer: 'peer',
      direction: 'in',
      kind: 'request',
      lane: 'plugin',
      id: 4,
      data: 'second',
      bytes: 2,
    });
  });
});
