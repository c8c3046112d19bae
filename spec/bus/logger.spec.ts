import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Client, type Logger, Server, type ServerOptions } from '../../lib/index.ts';
import { MemoryFaults, MemoryNetwork, SeededRandom } from '../../lib/testing/index.ts';
import { until } from '../support/buses.ts';
import { World } from '../support/virtual-world.ts';

type Written = [level: string, line: string];

/** Keeps what it is called with. */
function keeping(): { readonly written: Written[]; readonly logger: Logger } {
  const written: Written[] = [];
  const at =
    (level: string) =>
    (...given: unknown[]): number => {
      expect(given).to.have.lengthOf(1);
      return written.push([level, given[0] as string]);
    };
  return { written, logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } };
}

const url = 'memory:logged';
const hostile = 'a\u001b[2J\nbusbar: b"\u2028\u202e';

describe('logger', () => {
  async function serve(options: ServerOptions): Promise<{ server: Server; network: MemoryNetwork }> {
    const network = new MemoryNetwork();
    const server = await new Server({ url, network, ...options }).start();
    return { server, network };
  }

  it('a session, a refusal, an error - are one line each, of one string, at both ends', async () => {
    const [ofServer, ofClient] = [keeping(), keeping()];
    const { server, network } = await serve({
      logger: ofServer.logger,
      authorize: (payload) => (payload as { name: string }).name !== 'refuse me',
    });
    const client = new Client({ url, network, logger: ofClient.logger });
    await client.connect({ name: 'one' });
    const { id = '' } = client;
    server.on('message', () => {
      throw new Error('a bug');
    });
    await client.send('x', { confirm: true }).catch(() => {});
    await client.close('had enough');
    await until(() => server.connections.length === 0);
    await client.connect({ name: 'refuse me' }).catch(() => {});
    await server.close();
    const about = `peer ${id} "one" by memory at logged`;
    expect(ofServer.written).to.deep.equal([
      ['info', `busbar: session opened, ${about}`],
      ['error', `busbar: ERR_LISTENER a bug, ${about}`],
      ['info', `busbar: session ended, peer ${id} "one" by memory: "had enough"`],
      ['warn', 'busbar: refused with ERR_UNAUTHORIZED at logged'],
    ]);
    expect(ofClient.written.map(([level]) => level)).to.deep.equal(['info', 'info', 'warn']);
    expect(ofClient.written[0]?.[1]).to.equal(`busbar: session opened, peer ${id} by memory at logged`);
  });

  it('a broken link, a resumed session, a lost one - are told apart', async () => {
    const outcomes = async (sessionGraceMs: number, back: 'resumed' | 'lost'): Promise<string[]> => {
      const { written, logger } = keeping();
      const faults = new MemoryFaults({ random: new SeededRandom(1) });
      const network = new MemoryNetwork({ faults });
      const server = await new Server({ url, network, logger, sessionGraceMs }).start();
      const client = await new Client({ url, network, maxRetryTime: 100 }).connect();
      for (const pair of faults.pairs) pair.cut();
      await until(() => server.stats().resumes[back] === 1);
      await client.close();
      await server.close();
      return written.map(([level, line]) => `${level} ${line.slice(8, line.indexOf(','))}`);
    };
    expect(await outcomes(60_000, 'resumed')).to.deep.equal([
      'info session opened',
      'debug link lost',
      'info session resumed',
      'info session ended',
    ]);
    expect(await outcomes(0, 'lost')).to.deep.equal([
      'info session opened',
      'info session ended',
      'warn session lost',
      'info session ended',
    ]);
  });

  it('names, reasons and errors of a peer - begin no line, write nothing to a terminal, and are cut short and masked', async () => {
    const { written, logger } = keeping();
    const { server, network } = await serve({ logger, redact: ['password'], generateID: () => hostile });
    const client = new Client({ url, network });
    await client.connect({ name: hostile + 'x'.repeat(1_000) });
    server.on('message', (message) => {
      throw new Error(message as string);
    });
    await client.send(hostile.repeat(1_000));
    await until(() => written.length === 2);
    await client.close({ password: 'secret', [hostile]: hostile, long: 'y'.repeat(100_000) });
    await until(() => server.connections.length === 0);
    await server.close();
    expect(written).to.have.lengthOf(3);
    for (const [, line] of written) {
      expect(line).to.match(/^busbar: [^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+$/u);
      expect(line.length).to.be.lessThan(3_000);
    }
    expect(written[2]?.[1]).to.include('"password":"[redacted]"').and.to.not.include('secret');
  });

  it('a flood of refusals and of errors - is 20 lines a second each, and one that says how many there are not', async () => {
    const { written, logger } = keeping();
    const world = new World();
    const server = world.server({ logger, authorize: (payload) => payload !== 'refuse me' });
    server.on('message', () => {
      throw new Error('a bug');
    });
    await server.start();
    const client = world.client();
    await world.during(client.connect());
    const refuse = (times: number): Promise<unknown> => {
      const strangers = Array.from({ length: times }, () => world.client({ retries: 0 }).connect('refuse me'));
      return world.during(Promise.allSettled(strangers));
    };
    const count = (part: string): number => written.filter(([, line]) => line.includes(part)).length;
    for (let n = 0; n < 50; n++) void client.send('x');
    await refuse(50);
    await world.clock.run(10);
    expect([count('refused with'), count('a bug'), count('too many')]).to.deep.equal([20, 20, 0]);
    await world.clock.run(1_000);
    expect(new Set(written.slice(-2))).to.deep.equal(
      new Set([
        ['warn', 'busbar: 30 more were refused, which were too many within a second for a line each'],
        ['error', 'busbar: 30 more errors were reported, which were too many within a second for a line each'],
      ]),
    );
    await refuse(25);
    expect([count('refused with'), count('more were refused')]).to.deep.equal([40, 1]);
    await world.end(client, server);
    expect(count('5 more were refused')).to.equal(1);
  });

  it('a name - is masked where redact has it', async () => {
    const { written, logger } = keeping();
    const { server, network } = await serve({ logger, redact: ['name'] });
    const client = await new Client({ url, network }).connect({ name: 'Ada' });
    await client.close();
    await server.close();
    expect(written[0]?.[1]).to.include('"[redacted]"').and.to.not.include('Ada');
  });

  it('a logger that throws or rejects - harms nothing', async () => {
    let called = 0;
    const fail = (): never => {
      called += 1;
      throw new Error('full');
    };
    const reject = (): Promise<never> => {
      called += 1;
      return Promise.reject(new Error('full'));
    };
    for (const bad of [fail, reject]) {
      const logger = { debug: bad, info: bad, warn: bad, error: bad };
      const { server, network } = await serve({ logger });
      server.handle((question) => question);
      const client = await new Client({ url, network, logger }).connect();
      expect(await client.request('x')).to.equal('x');
      await client.close();
      await server.close();
    }
    expect(called).to.be.at.least(8);
  });

  it('what is no logger - is refused', () => {
    for (const logger of [{}, 'x', null, { info() {} }, true]) {
      expect(() => new Server({ url, logger: logger as never }), String(logger)).to.throw(/option logger/);
      expect(() => new Client({ url, logger: logger as never }), String(logger)).to.throw(/option logger/);
    }
    expect(new Server({ url, logger: console })).to.be.an.instanceOf(Server);
    expect(new Server({ url, logger: undefined })).to.be.an.instanceOf(Server);
  });

  it('an error that nobody listens to - is a process warning, the first one alone, and none where there is a logger', async () => {
    const program = fileURLToPath(new URL('unheard-program.js', import.meta.url));
    const child = fork(program, { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    const { before, warnings, logged } = await new Promise<{
      before: number;
      warnings: readonly { code: string; name: string; message: string }[];
      logged: string[];
    }>((resolve) => child.once('message', (said) => resolve(said as never)));
    expect(before).to.equal(0);
    expect(logged.some((line) => line.includes('ERR_LISTENER'))).to.equal(true);
    expect(warnings).to.have.lengthOf(1);
    expect(warnings[0]).to.include({ code: 'BUSBAR_UNHANDLED_ERROR', name: 'BusbarWarning' });
    expect(warnings[0]?.message).to.match(/^ERR_LISTENER a bug\\u001b\[2J\\nof mine\. No listener for "error"/);
  });
});
