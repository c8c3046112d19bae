import { expect } from 'chai';
import { describe, it } from 'mocha';
import { proxy, remote } from '../../lib/plugins/rpc/index.ts';
import { pluginRows } from '../plugins/bug-rows.ts';
import { ignore, type Methods, netIpc, reported, type Row, World } from '../support/bug-world.ts';
import { sleep } from '../support/buses.ts';

const rows: Record<string, Row> = {
  'server.handle': {
    at: 'server',
    peer: true,
    run: async (world) => {
      await world.with();
      world.server.handle(world.fails);
      await ignore(world.client.request(1));
    },
  },
  'client.handle': {
    at: 'client',
    run: async (world) => {
      await world.with();
      world.client.handle(world.fails);
      await ignore(world.connection.request(1));
    },
  },
  'a request listener of the server': {
    at: 'server',
    peer: true,
    run: async (world) => {
      await world.with();
      world.server.on('request', world.fails);
      await ignore(world.client.request(1));
    },
  },
  'a request listener of the client': {
    at: 'client',
    run: async (world) => {
      await world.with();
      world.client.on('request', world.fails);
      await ignore(world.connection.request(1));
    },
  },
  'a request listener that has answered': {
    at: 'server',
    peer: true,
    run: async (world) => {
      await world.with();
      world.server.on('request', (_request, respond) => {
        void respond(1);
        return world.fails();
      });
      expect(await world.client.request(1)).to.equal(1);
    },
  },
  'server.handle, asked by net-ipc': {
    at: 'server',
    peer: true,
    run: async (world) => {
      await world.with({}, netIpc);
      world.server.handle(world.fails);
      await ignore(world.client.request(1));
    },
  },
  'client.handle, asked by net-ipc': {
    at: 'client',
    run: async (world) => {
      await world.with(netIpc);
      world.client.handle(world.fails);
      await ignore(world.connection.request(1));
    },
  },
  'a request listener, asked by net-ipc': {
    at: 'server',
    peer: true,
    run: async (world) => {
      await world.with({}, netIpc);
      world.server.on('request', world.fails);
      await ignore(world.client.request(1));
    },
  },
  'a handler, asked by a survey': {
    at: 'client',
    run: async (world) => {
      await world.with();
      world.client.handle(world.fails);
      await world.server.survey(1);
    },
  },
  'a message listener of the server': {
    at: 'server',
    peer: true,
    run: async (world) => {
      await world.with();
      world.server.on('message', world.fails);
      await world.client.send(1);
    },
  },
  'a message listener of the client': {
    at: 'client',
    run: async (world) => {
      await world.with();
      world.client.on('message', world.fails);
      await world.connection.send(1);
    },
  },
  'a connect listener': {
    at: 'server',
    peer: true,
    run: async (world) => {
      await world.with({}, {}, (server) => server.on('connect', world.fails));
    },
  },
  'a disconnect listener': {
    at: 'server',
    peer: true,
    run: async (world) => {
      await world.with();
      world.server.on('disconnect', world.fails);
      await world.client.close();
    },
  },
  'a ready listener': {
    at: 'client',
    run: async (world) => {
      await world.with({}, {}, (_server, client) => client.on('ready', world.fails));
    },
  },
  'a session listener of a connection': {
    at: 'server',
    peer: true,
    run: async (world) => {
      await world.with({}, {}, (server) => server.on('connect', (connection) => connection.on('session', world.fails)));
    },
  },
  authorize: {
    at: 'server',
    run: async (world) => {
      world.newServer({ authorize: world.fails });
      world.newClient();
      await ignore(world.open());
    },
  },
  generateID: {
    at: 'server',
    throwsOnly: true,
    run: async (world) => {
      world.newServer({ generateID: world.fails });
      world.newClient();
      await ignore(world.open());
    },
  },
  'a payload function': {
    at: 'client',
    run: async (world) => {
      await world.with();
      let asked = false;
      const client = world.newClient();
      await client.connect(() => (asked ? world.fails() : void (asked = true)));
      for (const pair of world.faults.pairs) pair.cut();
      await sleep(300);
      world.reports.splice(1);
    },
  },
  ...pluginRows,
};

describe('the bug of a callback', () => {
  for (const [name, { at, peer, throwsOnly, run }] of Object.entries(rows)) {
    for (const way of throwsOnly ? ['throws'] : ['throws', 'rejects']) {
      it(`${name} ${way} - reaches "error" at its own end, with what was thrown as cause`, async () => {
        const bug = new TypeError('a bug');
        const fails = (): never => {
          if (way === 'throws') throw bug;
          return Promise.reject(bug) as never;
        };
        const world = new World(fails, bug);
        try {
          await run(world);
          await reported(world);
          expect(world.reports).to.deep.equal([[at, 'ERR_LISTENER', true, peer ? 'the peer' : 'nobody']]);
        } finally {
          await world.end();
        }
      });
    }
  }

  for (const [name, at] of [
    ['server.handle', 'server'],
    ['client.handle', 'client'],
    ['a method', 'method'],
  ] as const) {
    it(`${name} that fails with a code of its own - has answered, and nobody is told of a bug`, async () => {
      const answer = Object.assign(new Error('sold out'), { code: 'E_SOLD_OUT' });
      const world = await new World(() => {
        throw answer;
      }, answer).with();
      const ask = {
        server: () => world.server.handle(world.fails) && world.client.request(1),
        client: () => world.client.handle(world.fails) && world.connection.request(1),
        method: () => remote(world.server, { work: world.fails }) && proxy<Methods>(world.client).work(),
      }[at];
      let code: unknown;
      await ask().catch((error: { code: unknown }) => {
        code = error.code;
      });
      await sleep(10);
      expect([code, world.reports]).to.deep.equal(['E_SOLD_OUT', []]);
      await world.end();
    });
  }
});
