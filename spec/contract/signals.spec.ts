import { getEventListeners } from 'node:events';
import { expect } from 'chai';
import { afterEach, beforeEach, it } from 'mocha';
import { type CallOptions, callOptions, proxy, remote } from '../../lib/plugins/rpc/index.ts';
import { contract, json, native, rejected, turn, until } from '../support/buses.ts';

/** More than Node takes for a leak. */
const many = Array.from({ length: 40 });

contract(
  'one signal for many calls',
  (bus, { tier }) => {
    const warnings: string[] = [];
    const onWarning = ({ message }: Error): void => void warnings.push(message);
    beforeEach(() => process.on('warning', onWarning));
    afterEach(() => {
      process.off('warning', onWarning);
      warnings.length = 0;
    });

    const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

    it('has one listener while they wait and none afterwards, and no warning comes', async () => {
      const { server, client, connection } = await bus().pair();
      const held: (() => void)[] = [];
      const hold = (): Promise<void> => new Promise((resolve) => held.push(resolve));
      server.handle(hold);
      client.handle(hold);
      const { signal } = new AbortController();
      const calls: Promise<unknown>[] = many.flatMap(() => [
        client.request(1, { signal }),
        connection.request(1, { signal }),
        server.survey(1, { signal }),
        bus().newClient().connect(undefined, { signal }),
      ]);
      expect(listeners(signal)).to.equal(1);
      await until(() => held.length === 3 * many.length, 'all requests');
      for (const release of held) release();
      await Promise.all(calls);
      expect(listeners(signal)).to.equal(0);
      await turn();
      expect(warnings).to.deep.equal([]);
    });

    const itInSessions = tier === 'session' ? it : undefined;
    itInSessions?.('is that of calls of remote objects as well', async () => {
      const server = bus().newServer();
      const held: (() => void)[] = [];
      remote(server, { wait: () => new Promise<void>((resolve) => held.push(resolve)) });
      await server.start();
      const client = await bus().client(server.port === undefined ? {} : { port: server.port });
      const theirs = proxy<{ wait(options: CallOptions): Promise<void> }>(client);
      const { signal } = new AbortController();
      const calls = many.map(() => theirs.wait(callOptions({ signal })));
      await until(() => held.length === many.length, 'all calls');
      expect(listeners(signal)).to.equal(1);
      for (const release of held) release();
      await Promise.all(calls);
      expect(listeners(signal)).to.equal(0);
      await turn();
      expect(warnings).to.deep.equal([]);
    });

    it('ends them all when it fires', async () => {
      const { server, client, connection } = await bus().pair();
      let asked = 0;
      const hold = (): Promise<void> => {
        asked += 1;
        return new Promise(() => {});
      };
      server.handle(hold);
      client.handle(hold);
      const controller = new AbortController();
      const { signal } = controller;
      const calls = many.flatMap(() => [
        rejected(client.request(1, { signal })),
        rejected(connection.request(1, { signal })),
        rejected(bus().newClient().connect(undefined, { signal })),
      ]);
      controller.abort();
      expect(new Set((await Promise.all(calls)).map(({ code }) => code))).to.deep.equal(new Set(['ERR_ABORTED']));
      expect(listeners(signal)).to.equal(0);
      expect(asked).to.be.at.most(2 * many.length);
      await turn();
      expect(warnings).to.deep.equal([]);
    });
  },
  { speaking: [native, json] },
);
