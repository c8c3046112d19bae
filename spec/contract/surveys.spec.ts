import { expect } from 'chai';
import { it } from 'mocha';
import { BusError } from '../../lib/index.ts';
import { contract, sleep, until } from '../support/buses.ts';
import { stopwatch } from '../support/stopwatch.ts';

contract('ping', (bus) => {
  it('resolves whole milliseconds, both ways and for all', async () => {
    const { server, client, connection } = await bus().pair();
    for (const ms of [
      await client.ping(),
      await client.ping('x'.repeat(1_000), 1_000),
      await connection.ping({ a: 1 }),
    ]) {
      expect(ms).to.satisfy(Number.isInteger);
      expect(ms).to.be.within(0, 5_000);
    }
    await bus().client();
    const all = await server.ping('all');
    expect(all.map(({ status }) => status)).to.deep.equal(['fulfilled', 'fulfilled']);
  });
});

contract('surveys', (bus) => {
  it('resolve an outcome for each client, in the order of connections', async () => {
    const server = await bus().server();
    expect(await server.survey('anyone?')).to.deep.equal([]);
    const [first, second, third] = [await bus().client(), await bus().client(), await bus().client()];
    first.handle(async (request) => {
      await sleep(5);
      return [request, 1];
    });
    second.handle(() => {
      throw new BusError('ERR_REFUSED', 'busy');
    });
    third.handle((request) => [request, 3]);
    const results = await server.survey('q');
    expect(results.map((result) => (result.status === 'fulfilled' ? result.value : result.reason.code))).to.deep.equal([
      ['q', 1],
      'ERR_REFUSED',
      ['q', 3],
    ]);
  });

  it('report those that do not answer in time, or at all', async () => {
    const server = await bus().server();
    const silent = await bus().client();
    await bus().client();
    silent.on('request', () => {});
    for (const settings of [500, { timeout: 500 }]) {
      const results = await server.survey('q', settings);
      expect(results.map((result) => (result.status === 'rejected' ? result.reason.code : 'fine'))).to.deep.equal([
        'ERR_TIMEOUT',
        'ERR_NO_HANDLER',
      ]);
    }
  });

  it('are given up by signal, also by one that fired before', async () => {
    const { server, client } = await bus().pair();
    client.on('request', () => {});
    const controller = new AbortController();
    const survey = server.survey('q', { signal: controller.signal });
    controller.abort();
    const before = server.survey('q', { signal: AbortSignal.abort() });
    for (const [result] of [await survey, await before]) {
      expect(result?.status === 'rejected' && result.reason.code).to.equal('ERR_ABORTED');
    }
  });

  it('report a client that leaves meanwhile within 50 ms', async () => {
    const server = await bus().server();
    const other = await bus().client();
    other.handle(() => 'here');
    let quickestMs = Number.POSITIVE_INFINITY;
    for (let attempt = 0; attempt < 3; attempt++) {
      const client = await bus().client();
      client.on('request', () => void client.destroy());
      const elapsedMs = stopwatch();
      const results = await server.survey('q', 5_000);
      quickestMs = Math.min(quickestMs, elapsedMs());
      expect(results.map(({ status }) => status)).to.deep.equal(['fulfilled', 'rejected']);
      await until(() => server.connections.length === 1);
    }
    expect(quickestMs).to.be.below(50);
  });

  it('come as a stream, the quickest answer first, until there are enough', async () => {
    const server = await bus().server();
    const [slow, quick] = [await bus().client(), await bus().client()];
    let open: (() => void) | undefined;
    slow.on('request', (_request, respond) => {
      open = () => void respond('slow').catch(() => {});
    });
    quick.handle(() => 'quick');
    const got: unknown[] = [];
    for await (const answer of server.surveyStream('q', { timeout: 2_000 })) {
      got.push(answer.status === 'fulfilled' ? [answer.peer.id, answer.value] : answer.reason.code);
      open?.();
      if (open === undefined) await until(() => open !== undefined).then(() => open?.());
    }
    expect(got).to.deep.equal([
      [quick.id, 'quick'],
      [slow.id, 'slow'],
    ]);
    const first: unknown[] = [];
    for await (const answer of server.surveyStream('q', { first: true })) first.push(answer.status);
    expect(first).to.deep.equal(['fulfilled']);
  });
});
