import { expect } from 'chai';
import { it } from 'mocha';
import { BusError, type Context } from '../../lib/index.ts';
import { next, contract, native, rejected, sleep, until } from '../support/buses.ts';

contract(
  'cancellation',
  (bus, _dialect, kind) => {
    it('reaches the handler when the requester aborts or its time is up', async () => {
      const { server, client } = await bus().pair();
      const fired: string[] = [];
      let begun = 0;
      server.handle(
        (_request, { signal }) =>
          new Promise((_resolve, reject) => {
            begun += 1;
            signal.addEventListener('abort', () => {
              fired.push((signal.reason as BusError).code);
              reject(signal.reason);
            });
          }),
      );
      const controller = new AbortController();
      const aborted = rejected(client.request('a', { signal: controller.signal }));
      await until(() => begun === 1);
      controller.abort(new Error('changed my mind'));
      const error = await aborted;
      expect(error.code).to.equal('ERR_ABORTED');
      expect(error.cause).to.have.property('message', 'changed my mind');
      expect((await rejected(client.request('b', 300))).code).to.equal('ERR_TIMEOUT');
      await until(() => fired.length === 2);
      expect(fired).to.deep.equal(['ERR_ABORTED', 'ERR_ABORTED']);
    });

    it('frees no place while the handler goes on', async () => {
      const { server, client } = await bus().pair({ maxOpenRequests: 2 });
      const ends: (() => void)[] = [];
      server.handle(() => new Promise<void>((resolve) => ends.push(resolve)));
      for (let n = 1; n <= 2; n++) {
        expect((await rejected(client.request('in vain', 300))).code).to.equal('ERR_TIMEOUT');
        await until(() => ends.length === n);
      }
      await client.ping();
      for (const settings of [{}, { timeout: 5_000 }]) {
        expect((await rejected(client.request('one more', settings))).code).to.equal('ERR_QUEUE_FULL');
      }
      ends.shift()?.();
      await client.ping();
      const asked = client.request('again');
      await until(() => ends.length === 2);
      ends[1]?.();
      expect(await asked).to.equal(undefined);
    });

    it('tells the handler how long the requester will still wait', async () => {
      const { server, client } = await bus().pair();
      const seen: (number | undefined)[] = [];
      server.handle((_request, { deadline }) => {
        seen.push(deadline);
      });
      await client.request('limited', 500);
      await client.request('for ever', 0);
      expect(seen[0]).to.be.within(400, 500);
      expect(seen[1]).to.equal(undefined);
    });

    it('drops a request that arrives together with its cancellation', async () => {
      if (kind === 'memory' || kind === 'tls') return;
      const { server, client, connection } = await bus().pair();
      const seen: unknown[] = [];
      server.handle((request) => void seen.push(request));
      client.handle((request) => void seen.push(request));
      for (const end of [client, connection]) {
        const controller = new AbortController();
        // Both are written before the other end, which is in this process, gets to read.
        const asked = rejected(end.request('dropped', { signal: controller.signal }));
        controller.abort();
        expect((await asked).code).to.equal('ERR_ABORTED');
        await end.request('kept');
      }
      expect(seen).to.deep.equal(['kept', 'kept']);
    });

    it('drops a request that was not dispatched yet', async () => {
      const { server, client } = await bus().pair();
      const seen: unknown[] = [];
      server.handle((request) => {
        seen.push(request);
      });
      const last = client.request('first');
      await last;
      server.pause();
      const controller = new AbortController();
      // The peer's pause may be on its way still: either this end or the other drops it.
      const aborted = rejected(client.request('dropped', { signal: controller.signal }));
      const kept = client.request('kept');
      await sleep(20);
      controller.abort();
      expect((await aborted).code).to.equal('ERR_ABORTED');
      await sleep(20);
      server.resume();
      await kept;
      expect(seen).to.deep.equal(['first', 'kept']);
    });

    it('takes a request that waits for room out of the queue', async () => {
      const { server, client, connection } = await bus().pair({}, { maxPendingMessages: 10 });
      const over = server.close();
      bus().cut(connection);
      await over;
      const codes = new Map<string, number>();
      const count = ({ code }: BusError): unknown => codes.set(code, (codes.get(code) ?? 0) + 1);
      const controller = new AbortController();
      for (const settings of [{ timeout: 30 }, { timeout: 30, idempotent: true }, { signal: controller.signal }]) {
        const asked = Array.from({ length: 9_000 }, () => client.request('x', settings).catch(count));
        await sleep(30);
        controller.abort();
        await Promise.all(asked);
      }
      expect([...codes]).to.deep.equal([
        ['ERR_TIMEOUT', 18_000],
        ['ERR_ABORTED', 9_000],
      ]);
      const successor = bus().newServer();
      const got: unknown[] = [];
      successor.on('message', (message) => got.push(message));
      successor.handle((request) => got.push(request));
      const sent = client.send('sent');
      await successor.start();
      await sent;
      await client.flush();
      expect(got).to.deep.equal(['sent']);
    });

    it('discards and counts a late answer', async () => {
      const { server, client } = await bus().pair();
      let context: Context | undefined;
      let answer = (_value: unknown): void => {};
      server.handle((_request, given) => {
        context = given;
        return new Promise((resolve) => (answer = resolve));
      });
      // A link that breaks so soon after another one is not replaced at once.
      const back = next(client, 'session');
      bus().cut(server.connections[0]!);
      await back;
      const timedOut = rejected(client.request('slow', 30));
      await until(() => context !== undefined);
      bus().cut(server.connections[0]!);
      answer('too late');
      expect((await timedOut).code).to.equal('ERR_TIMEOUT');
      await client.flush();
      await client.ping();
      expect(client.lateResponses).to.equal(1);
    });

    it('fires when the session of the requester is over', async () => {
      const { server, client } = await bus().pair();
      let fired: unknown;
      server.handle((_request, { signal }) => {
        signal.addEventListener('abort', () => (fired = signal.reason));
        return new Promise(() => {});
      });
      const asked = rejected(client.request('x'));
      await sleep(10);
      client.destroy();
      expect((await asked).code).to.equal('ERR_DESTROYED');
      await until(() => fired !== undefined);
    });

    it('keeps the class of remote errors: code and message, details only if allowed, never a stack', async () => {
      const { server, client } = await bus().pair();
      server.handle(function sell() {
        throw new BusError('E_STOCK', 'sold out', { details: { left: 0 } });
      });
      const error = await rejected(client.request('buy'));
      expect(error).to.be.instanceOf(BusError);
      expect(error.code).to.equal('E_STOCK');
      expect(error.message).to.equal('sold out');
      expect(error.details).to.equal(undefined);
      expect(error.stack).to.contain('cancel.spec').and.not.contain('sell');
      await server.close();

      const open = await bus().server({ exposeErrorDetails: true });
      open.handle(() => {
        throw new BusError('E_STOCK', 'sold out', { details: { left: 0 } });
      });
      const second = await bus().client();
      expect((await rejected(second.request('buy'))).details).to.deep.equal({ left: 0 });
    });
  },
  { on: ['memory', 'unix'], speaking: [native] },
);
