import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters as stripped } from 'node:util';
import { context, trace } from '@opentelemetry/api';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { TracedRequest } from '../../lib/bus/inspect/inspection-trace.ts';
import { addTrace } from '../../lib/cli/inspect/trace.ts';
import { type Caused, traceLines } from '../../lib/cli/inspect/trace-tree.ts';
import { Client, type Connection, Server } from '../../lib/index.ts';
import { telemetry } from '../../lib/plugins/telemetry/index.ts';
import { Exported } from '../plugins/telemetry/exported.ts';
import { until } from '../support/buses.ts';
import { FolderBus } from './folder-bus.ts';
import { inProcess } from './in-process.ts';

type Printed = Omit<TracedRequest, 'steps'> & { readonly steps: readonly Caused[] };

const program = fileURLToPath(new URL('traced-program.js', import.meta.url));
const hostile = 'a\u001b[2J\u202e';
const command = (...args: string[]): ReturnType<typeof inProcess> => inProcess(addTrace, ['trace', ...args]);
const printed = (text: string): Printed => JSON.parse(text) as Printed;

/** What caused what, in lines. */
const treeOf = ({ steps }: Pick<Printed, 'steps'>, before = ''): string[] =>
  steps.flatMap(({ direction, kind, name, peers, data, code, caused }) => [
    `${before}${direction} ${kind} ${data} ${peers ?? name}${code === undefined ? '' : ` ${code}`}`,
    ...treeOf({ steps: caused }, `${before}  `),
  ]);

describe('busbar trace', () => {
  let bus: FolderBus;
  let path: string;
  let server: Server;

  beforeEach(async () => {
    bus = new FolderBus({ redact: ['password'] });
    ({ path, server } = bus);
  });

  afterEach(() => bus.close());

  const enter = (name: string, prepare?: (client: Client) => void): Promise<Client> => bus.enter(name, prepare);

  /** Asks until the command has ended, as it follows what comes after it has begun. */
  async function traced(
    running: ReturnType<typeof inProcess>,
    ask: () => Promise<unknown>,
    everyMs = 20,
  ): Promise<Printed> {
    let isOver = false;
    void running.outcome.finally(() => (isOver = true));
    while (!isOver) {
      await ask();
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
    const { code, stdout, stderr } = await running.outcome;
    expect([code, stderr]).to.deep.equal([0, '']);
    return printed(stdout);
  }

  /** The bytes of one request to `connection`. */
  async function bytesTo(connection: Connection, question: unknown): Promise<number> {
    const before = connection.stats().bytes.sent;
    await connection.request(question).catch(() => {});
    return connection.stats().bytes.sent - before;
  }

  it('a request - is a tree of all that it caused, over a process without a tracer, and nothing is left behind', async () => {
    await server.start();
    const { connection: worker, child } = await server.spawn(program, ['worker']);
    const asker = await enter(hostile);
    server.handle(async (question) => {
      if (question !== 'all') return 'an answer';
      await Promise.all([worker.request('part'), worker.request('fail').catch(() => {})]);
      await server.broadcast({ password: 'secret' }, { except: [server.connection(asker.id ?? '')!] });
      return 'done';
    });
    const before = await bytesTo(worker, 'fail');
    const running = command(path, '--json', '--filter', 'all', '--timeout', '20000');
    const text = command(path, '--filter', 'all', '--filter', 'request', '--timeout', '20000');
    const found = await traced(running, () => asker.request('all'));
    expect(found).to.include({ isOver: true, leftOut: 0 });
    expect(found.trace).to.match(/^[\da-f]{32}$/);
    expect(treeOf(found)).to.deep.equal([
      `in request "all" ${hostile}`,
      '  out request "part" worker',
      '    in request {"because":"part"} worker',
      '  out request "fail" worker E_NO',
      '  out message {"password":"[redacted]"} 1',
      '    in request "because of a message" worker',
    ]);
    const [root] = found.steps;
    const [part] = root?.caused ?? [];
    expect(root?.ms).to.be.at.least(part?.ms ?? Infinity);
    expect(part?.ms).to.be.at.least(1);
    expect(part?.ms).to.be.at.least(part?.caused[0]?.ms ?? Infinity);
    const lines = (await text.outcome).stdout;
    expect(lines)
      .to.match(/^├─ < request "part" +worker +\d/m)
      .and.to.match(/^│ {2}└─ > request .* worker/m);
    expect(lines).to.not.match(/(?!\n)[\p{Cc}\p{Cf}]/u);
    // What was asked last may still be answered.
    await until(async () => (await bytesTo(worker, 'fail')) === before);
    child.kill();
  });

  it('contexts - travel while somebody looks, and no more when the looker has gone', async () => {
    server.handle(() => new Promise((resolve) => setTimeout(() => resolve('late'), 200)));
    await server.start();
    const client = await enter('one', (one) => void one.handle((question) => question));
    const connection = server.connection(client.id ?? '')!;
    const before = await bytesTo(connection, 'x');
    const running = command(path, '--filter', 'out');
    await until(async () => (await bytesTo(connection, 'x')) === before + 26);
    running.stop();
    expect((await running.outcome).code).to.equal(0);
    await until(async () => (await bytesTo(connection, 'x')) === before);
  });

  it('exit codes - 2 for what is no id, 3 for nobody, 4 without a request, and 4 with what has not ended', async () => {
    const releases: (() => void)[] = [];
    server.handle(() => new Promise<void>((resolve) => releases.push(resolve)));
    await server.start();
    expect(await command(path, 'xyz').outcome).to.include({ code: 2 });
    expect(await command(join(bus.folder, 'none')).outcome).to.include({ code: 3 });
    expect(await command(path, '--filter', 'x'.repeat(300)).outcome).to.include({ code: 1 });
    const none = await command(path, '--timeout', '1000').outcome;
    expect([none.code, none.stdout]).to.deep.equal([4, '']);
    expect(JSON.parse(none.stderr)).to.deep.equal({ code: 'ERR_TIMEOUT', message: 'No such request was made' });
    const client = await enter('one');
    const running = command(path, '--json', '--timeout', '1000');
    const asking = setInterval(() => void client.request('never').catch(() => {}), 20);
    const { code, stdout, stderr } = await running.outcome;
    clearInterval(asking);
    for (const release of releases) release();
    expect([code, JSON.parse(stderr)]).to.deep.equal([4, { code: 'ERR_TIMEOUT', message: 'Not all of it has ended' }]);
    expect(printed(stdout)).to.have.property('isOver', false);
    expect(treeOf(printed(stdout))).to.deep.equal(['in request "never" one']);
  });

  it('a request that causes very much - is kept in part, and the rest is counted', async () => {
    server.handle(async (_, { peer }) => {
      for (let count = 0; count < 600; count++) await peer.send(count);
    });
    await server.start();
    const client = await enter('one');
    const { steps, leftOut } = await traced(command(path, '--json'), () => client.request('x'));
    expect(steps[0]?.caused).to.have.lengthOf(499);
    expect(leftOut).to.equal(101);
  });

  it('with telemetry - the trace has the id of its spans, which are as unbroken as without a looker', async () => {
    const exported = new Exported();
    try {
      server.use(telemetry());
      server.handle(async (question, { peer }) => (question === 'all' ? peer.request('part') : 'rest'));
      await server.start();
      const client = await enter('one', (one) => {
        one.use(telemetry());
        one.handle((question) => one.request({ because: question }));
      });
      const found = await traced(command(path, '--json', '--filter', 'all'), () => client.request('all'));
      expect(treeOf(found)).to.deep.equal([
        'in request "all" one',
        '  out request "part" one',
        '    in request {"because":"part"} one',
      ]);
      const spans = exported.spans.filter((span) => span.spanContext().traceId === found.trace);
      expect(spans).to.have.lengthOf(6);
      expect(exported.broken).to.deep.equal([]);
    } finally {
      await exported.stop();
    }
  });

  it('an id - is that of a trace of a client with telemetry, also where the server has none', async () => {
    const exported = new Exported();
    try {
      server.handle(() => 'answer');
      await server.start();
      const [client, other] = [await enter('one', (one) => one.use(telemetry())), await enter('other')];
      await exported.within('user', async () => {
        const id = trace.getSpanContext(context.active())?.traceId ?? '';
        const ask = async (): Promise<void> => {
          await other.request('other');
          await client.request('mine');
        };
        const found = await traced(command(path, id.toUpperCase(), '--json'), ask, 500);
        expect(found.trace).to.equal(id);
        for (const line of treeOf(found)) expect(line).to.equal('in request "mine" one');
      });
    } finally {
      await exported.stop();
    }
  });
});

describe('the tree of a trace', () => {
  const step = {
    parent: undefined,
    kind: 'request',
    direction: 'in',
    peer: 'p',
    name: undefined,
    peers: undefined,
    lane: '',
    method: undefined,
    data: `"${'日'.repeat(200)}"`,
    cut: true,
    at: 0,
    ms: 1.25,
    code: undefined,
  } as const;

  it('lines - fit into 80 columns, whatever is in them', () => {
    const steps = Array.from({ length: 40 }, (_, at) => ({
      ...step,
      parent: at === 0 ? undefined : at - 1,
      name: hostile.repeat(9),
      code: at % 2 === 0 ? undefined : `E${'_'.repeat(60)}`,
      ms: at === 39 ? undefined : 1e6,
    }));
    const lines = traceLines({ trace: hostile, at: 0, isOver: true, steps, leftOut: 3 }, 80);
    for (const line of lines) expect(stripped(line).length, line).to.be.at.most(80);
    expect(stripped(lines.join('\n'))).to.not.match(/(?!\n)[\p{Cc}\p{Cf}]/u);
    expect(lines.at(-1)).to.equal('… and 3 more');
  });

  it('parents - that cannot be, of a server that tells nonsense, are none', () => {
    const steps = [
      { ...step, parent: 0 },
      { ...step, parent: 7 },
      { ...step, parent: 0 },
    ];
    expect(traceLines({ trace: 'x', at: 0, isOver: true, steps, leftOut: 0 }, undefined)).to.have.lengthOf(6);
  });
});
