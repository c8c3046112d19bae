import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type BusError, Client, Server } from '../../../lib/index.ts';
import { Fleet, fleet, fleetStop, fleetReady } from '../../../lib/plugins/fleet/index.ts';
import { Order } from '../../../lib/plugins/fleet/order.ts';
import { rejected } from '../../support/buses.ts';
import { file } from './crew-world.ts';

/** What `use` refuses the groups with. */
function refusal(groups: unknown, settings?: object): string {
  try {
    new Server({ url: 'memory:none' }).use(fleet(groups as never, settings));
  } catch (error) {
    return `${(error as BusError).code}: ${(error as Error).message}`;
  }
  return 'taken';
}

describe('groups of a fleet', () => {
  it('what a group does not take - is refused by name', () => {
    const rows: readonly (readonly [unknown, string])[] = [
      [undefined, 'A fleet takes its groups as an object, by their names'],
      [[], 'A fleet takes its groups as an object, by their names'],
      [{}, 'A fleet needs at least one group'],
      [{ a: 1 }, 'Group a takes its options as an object'],
      [{ a: {} }, 'Group a needs option file or option command, and not both'],
      [{ a: { file, command: 'x' } }, 'Group a needs option file or option command, and not both'],
      [{ a: { file, stratgy: 'one-for-one' } }, 'Group a has no option "stratgy", did you mean "strategy"?'],
      [{ a: { file, strategy: 'all' } }, `Group a option "strategy" must be 'one-for-one' | 'rest-for-one', got "all"`],
      [{ a: { file, count: -1 } }, 'Group a option "count" must be integer from 0 to 10000, got -1'],
      [{ a: { file, limit: [0, 1] } }, 'Group a option "limit" must be [deaths, milliseconds], got an array'],
      [{ a: { file, env: { A: 1 } } }, 'Group a option "env" must be an object of strings, got an object'],
      [{ a: { file, args: [1] } }, 'Group a option "args" must be string[], got an array'],
      [{ a: { file, listen: [0] } }, `Group a option "listen" must be an array of ports and 'host:port', got an array`],
      [
        { a: { file, listen: ['no host:1'] } },
        `Group a option "listen" must be an array of ports and 'host:port', got an array`,
      ],
      [{ a: { file, thread: true, listen: [4_466] } }, 'Group a: threads do not have option listen'],
      [{ a: { command: 'x', thread: true } }, 'Group a: threads do not have option command'],
      [{ a: { file, cwd: '/', thread: true } }, 'Group a: threads do not have option cwd'],
      [
        { a: { file, listen: [4_466] }, b: { file, listen: ['[::1]:4466'] } },
        'Group b: port 4466 is listed by group a',
      ],
      [{ hub: { file } }, 'No group may be named hub, which is the server'],
      [{ 'a b': { file } }, 'The name of a group has 1 to 64 letters, digits, "_", "-" and ".", not "a b"'],
      [
        { zone: { file, after: ['zones'] } },
        'Group zone comes after "zones", which is not a group, did you mean "zone"?',
      ],
      [{ a: { file, after: ['database'] } }, 'Group a comes after "database", which is not a group; there are hub, a'],
      [{ a: { file, after: ['a'] } }, 'Groups come after each other in a circle: a after a'],
      [
        { a: { file, after: ['b'] }, b: { file, after: ['c'] }, c: { file, after: ['b'] } },
        'Groups come after each other in a circle: b after c after b',
      ],
    ];
    for (const [groups, message] of rows) expect(refusal(groups)).to.equal(`ERR_INVALID_OPTION: ${message}`);
    expect(refusal({ a: { file } }, { prints: false })).to.equal(
      'ERR_INVALID_ARGUMENT: fleet takes { print }, not "prints"',
    );
    expect(refusal({ a: { file } })).to.equal('taken');
  });

  it('order - what comes after what, and what is left of it', () => {
    const order = new Order([
      { name: 'd', after: ['b', 'c'] },
      { name: 'c', after: ['a', 'hub'] },
      { name: 'b', after: ['a'] },
      { name: 'a', after: [] },
      { name: 'e', after: [] },
    ]);
    expect(order.names).to.deep.equal(['a', 'b', 'c', 'd', 'e']);
    expect([order.rest('a'), order.rest('b'), order.rest('e')]).to.deep.equal([['b', 'c', 'd'], ['d'], []]);
    expect(order.waitingFor('a')).to.deep.equal(['b', 'c']);
    const plain = new Order(['x', 'y', 'z'].map((name) => ({ name, after: [] })));
    expect([plain.rest('x'), plain.rest('z')]).to.deep.equal([['y', 'z'], []]);
  });

  it('a file that is none - start() names it, and starts nothing', async () => {
    const fleetAlone = new Fleet(
      { good: { file }, bad: { file: 'no/such/file.js', cwd: '/tmp' } },
      { url: 'memory:bad' },
    );
    const error = await rejected(fleetAlone.start());
    expect(`${error.code}: ${error.message}`).to.equal(
      'ERR_SPAWN: Group bad cannot start /tmp/no/such/file.js: the file does not exist',
    );
    expect(fleetAlone.server.address).to.equal(undefined);
    const folder = new Fleet({ bad: { file: new URL('.', import.meta.url) } }, { url: 'memory:bad' });
    expect((await rejected(folder.start())).message).to.match(/^Group bad cannot start .*: the file does not exist$/);
  });

  it('a client has no fleet, and a server without one has no processes of it', async () => {
    const server = await new Server({ url: 'memory:fleetless' }).start();
    const client = new Client({ url: 'memory:fleetless' });
    expect(() => client.use(fleet({ a: { file } }))).to.throw(/A fleet is a server's/);
    expect((await rejected(fleetReady({} as never))).code).to.equal('ERR_INVALID_ARGUMENT');
    expect(() => fleetStop(client, 1 as never)).to.throw('fleetStop needs a function');
    await client.connect();
    expect((await rejected(fleetReady(client))).code).to.equal('ERR_PEER_LACKS_FEATURE');
    await client.close();
    await server.close();
  });
});
