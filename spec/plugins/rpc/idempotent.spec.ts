import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Client, type Connection, Server } from '../../../lib/index.ts';
import { callOptions, proxy, remote } from '../../../lib/plugins/rpc/index.ts';
import { MemoryNetwork } from '../../../lib/testing/index.ts';
import { eager, next, rejected, until } from '../../support/buses.ts';

interface Counter {
  add(step: number, seen?: (n: number) => void): Promise<number | (() => Promise<number>)>;
}

async function connected(
  run: (server: Server, client: Client, connection: Connection) => Promise<void>,
): Promise<void> {
  const address = { url: 'memory:idempotent', network: new MemoryNetwork(), closeTimeoutMs: 100 };
  const server = await new Server(address).start();
  const client = new Client({ ...address, random: eager });
  client.on('error', () => undefined);
  try {
    const accepted = next(server, 'connect');
    await client.connect();
    await run(server, client, (await accepted)[0] as Connection);
  } finally {
    await Promise.all([client.close(), server.close()]);
  }
}

/** An object whose first call is never answered, since its session is lost meanwhile. */
function counter(server: Server, answer: (step: number, seen?: (n: number) => void) => unknown): { calls: number } {
  const count = { calls: 0 };
  const add = (step: number, seen?: (n: number) => void): unknown => {
    count.calls += 1;
    return count.calls === 1 ? new Promise(() => undefined) : answer(step, seen);
  };
  remote(server, { add });
  return count;
}

describe('idempotent calls', () => {
  const again = callOptions({ idempotent: true, timeout: 10_000 });

  it('are called again in the next session, with what they lend and get lent', () =>
    connected(async (server, client) => {
      const count = counter(server, async (step, seen) => {
        seen?.(step);
        return () => step + 1;
      });
      const calls = proxy<Counter>(client);
      const seen: number[] = [];
      const called = calls.add(1, (n) => seen.push(n), again);
      await until(() => count.calls === 1);
      server.connections[0]?.destroy('lost');
      const result = (await called) as () => Promise<number>;
      expect(await result()).to.equal(2);
      expect(seen).to.deep.equal([1]);
      expect(count.calls).to.equal(2);
    }));

  it('are called once where they are not idempotent', () =>
    connected(async (server, client) => {
      const count = counter(server, () => 0);
      const called = rejected(proxy<Counter>(client).add(1));
      await until(() => count.calls === 1);
      const back = next(client, 'ready');
      server.connections[0]?.destroy('lost');
      expect((await called).code).to.equal('ERR_SESSION_LOST');
      await back;
      await client.ping();
      expect(count.calls).to.equal(1);
    }));

  it('have one deadline for all sessions', () =>
    connected(async (server, client) => {
      const count = counter(server, () => new Promise(() => undefined));
      const startedAt = performance.now();
      const called = rejected(
        proxy<Counter>(client).add(1, callOptions({ idempotent: true, timeout: 1_000 }) as never),
      );
      await until(() => count.calls === 1);
      server.connections[0]?.destroy('lost');
      await until(() => count.calls === 2);
      expect((await called).code).to.equal('ERR_TIMEOUT');
      expect(performance.now() - startedAt).to.be.within(990, 1_900);
      expect(count.calls).to.equal(2);
    }));

  it('take the code of a lost session as an answer like any other', () =>
    connected(async (server, client) => {
      let calls = 0;
      const add = (): never => {
        calls += 1;
        throw Object.assign(new Error('theirs'), { code: 'ERR_SESSION_LOST' });
      };
      remote(server, { add });
      const error = await rejected(proxy<Counter>(client).add(1, again as never));
      expect([error.code, error.message, calls]).to.deep.equal(['ERR_SESSION_LOST', 'theirs', 1]);
    }));

  it('are refused where no session follows', () =>
    connected(async (server, client, connection) => {
      remote(client, { add: () => 1 });
      const error = await rejected(proxy<Counter>(server, connection).add(1, again as never));
      expect(error.code).to.equal('ERR_INVALID_ARGUMENT');
      expect(await proxy<Counter>(connection).add(1)).to.equal(1);
    }));
});
