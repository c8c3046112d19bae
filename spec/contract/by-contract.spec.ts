import { expect } from 'chai';
import { it } from 'mocha';
import { type Client, type Connection, definePlugin, type Server } from '../../lib/index.ts';
import { any, bool, bytes, enumOf, f32, f64, type Infer, list, struct, text, u32 } from '../../lib/struct/index.ts';
import { contract, native, next, rejected, until } from '../support/buses.ts';

const fields = { player: u32, x: f64, team: enumOf('red', 'blue'), crouched: bool };
const Move = struct('move', fields);
const Blob = struct('blob', { name: text, bytes, more: any });
const move: Infer<typeof Move> = { player: 7, x: -44.5, team: 'blue', crouched: true };
const contracts = [Move, Blob];

type Emitter = Server | Client;

async function first(emitter: Emitter, sent: Promise<unknown>): Promise<unknown> {
  const [[value]] = await Promise.all([next(emitter, 'message'), sent]);
  return value;
}

interface Ends {
  readonly server: Server;
  readonly client: Client;
  readonly connection: Connection;
}

/** Sends `value`, which is `Move.of` something, in every way there is, and returns what arrived. */
async function everyWay({ server, client, connection }: Ends, value: object): Promise<unknown[]> {
  const asked: unknown[] = [];
  const answer = (request: unknown): object => {
    asked.push(request);
    return value;
  };
  server.handle(answer);
  client.handle(answer);
  const arrived = [
    await first(server, client.send(value)),
    await first(client, connection.send(value)),
    await first(client, server.broadcast(value)),
    await client.request(value),
    await connection.request(value),
    ...(await server.survey(value)).map((result) => result.value as unknown),
  ];
  return [...arrived, ...asked];
}

/** Messages of the client and the server's, with their answers: 3 + 1 of the client, 4 + 1 of the server. */
const ways = 9;
const fallbacks = ({ client, connection }: Ends): number[] => [client.contractFallbacks, connection.contractFallbacks];

contract('contracts', (bus, { tier }) => {
  it('whatever is sent by one arrives as a plain object that is equal, both ways', async () => {
    const ends = await bus().pair({ contracts }, { contracts });
    const arrived = await everyWay(ends, Move.of(move));
    expect(arrived).to.deep.equal(Array.from({ length: ways }, () => move));
    for (const one of arrived) expect(Object.getPrototypeOf(one)).to.equal(Object.prototype);
    // A net-ipc peer has none: every message to one falls back.
    expect(fallbacks(ends)).to.deep.equal(tier === 'session' ? [0, 0] : [4, 5]);
  });

  it('other data beside it is what it was, and what it is within is written as without', async () => {
    const { server, client, connection } = await bus().pair({ contracts }, { contracts });
    const got: unknown[] = [];
    server.on('message', (message) => got.push(message));
    for (const data of [move, Move.of(move), { in: [Move.of(move)] }, 'text', Move.of(move), undefined, 5]) {
      await client.send(data);
    }
    await until(() => got.length === 7);
    const [undefinedAs] = got.slice(5);
    expect(got).to.deep.equal([move, move, { in: [move] }, 'text', move, undefinedAs, 5]);
    expect(connection.contractFallbacks).to.equal(0);
  });

  it('a value that does not fit arrives all the same, and is counted', async () => {
    const ends = await bus().pair({ contracts }, { contracts });
    const wide = { ...move, player: -1, more: [1, 2] };
    const arrived = await everyWay(ends, Move.of(wide));
    expect(arrived).to.deep.equal(Array.from({ length: ways }, () => wide));
    expect(fallbacks(ends)).to.deep.equal([4, 5]);
  });
});

const differences: Readonly<Record<string, readonly { readonly codec: (typeof Move)['codec'] }[] | undefined>> = {
  'has no contracts': undefined,
  'has none of them': [],
  'has other fields': [struct('move', { ...fields, hp: u32 })],
  'has other types': [struct('move', { ...fields, x: f32 })],
  'has another name': [struct('moves', fields)],
  'has choices in another order': [struct('move', { ...fields, team: enumOf('blue', 'red') })],
};

contract(
  'contracts of two versions',
  (bus) => {
    for (const [name, theirs] of Object.entries(differences)) {
      for (const old of ['server', 'client']) {
        it(`the ${old} ${name} - all arrives, and what the other sends falls back and is counted`, async () => {
          const [serverHas, clientHas] = old === 'server' ? [theirs, contracts] : [contracts, theirs];
          const ends = await bus().pair(
            serverHas === undefined ? {} : { contracts: serverHas },
            clientHas === undefined ? {} : { contracts: clientHas },
          );
          expect(await everyWay(ends, Move.of(move))).to.deep.equal(Array.from({ length: ways }, () => move));
          // An end without the option counts nothing.
          const counts = [4, 5].map((count, end) => ((end === 0 ? clientHas : serverHas) === undefined ? 0 : count));
          expect(fallbacks(ends)).to.deep.equal(counts);
        });
      }
    }

    it('some in common - are used, whatever their numbers', async () => {
      const Other = struct('other', { a: u32 });
      const ends = await bus().pair({ contracts: [Other, Move] }, { contracts: [Move, Blob] });
      expect(await everyWay(ends, Move.of(move))).to.deep.equal(Array.from({ length: ways }, () => move));
      expect(fallbacks(ends)).to.deep.equal([0, 0]);
      await ends.client.send(Blob.of({ name: 'a', bytes: Buffer.from('b'), more: 1 }));
      await ends.connection.send(Other.of({ a: 1 }));
      expect(fallbacks(ends)).to.deep.equal([1, 1]);
    });

    it('the same fields in another order, made elsewhere - are the same contract', async () => {
      const copy = struct('move', { crouched: bool, team: enumOf('red', 'blue'), x: f64, player: u32 });
      const ends = await bus().pair({ contracts: [copy] }, { contracts });
      expect(await everyWay(ends, Move.of(move))).to.deep.equal(Array.from({ length: ways }, () => move));
      expect(fallbacks(ends)).to.deep.equal([0, 0]);
    });

    it('a broadcast reaches those with the contract and those without, encoded once for each kind', async () => {
      const server = await bus().server({ contracts });
      let reads = 0;
      const value = {
        ...move,
        get x(): number {
          reads += 1;
          return -44.5;
        },
      };
      const clients: Client[] = [];
      for (let index = 0; index < 6; index++) clients.push(await bus().client(index % 2 === 0 ? { contracts } : {}));
      const heard = clients.map((client) => next(client, 'message'));
      await server.broadcast(Move.of(value));
      expect((await Promise.all(heard)).map(([message]) => message)).to.deep.equal(clients.map(() => move));
      const counts = clients.map(({ id = '' }) => server.connection(id)?.contractFallbacks);
      expect(counts).to.deep.equal([0, 1, 0, 1, 0, 1]);
      expect(reads).to.equal(2);
    });

    it('bodies of many frames - arrive whole, between small ones, and with requests', async () => {
      const { server, client } = await bus().pair({ contracts }, { contracts });
      const big = { name: 'ü'.repeat(90_000), bytes: Buffer.alloc(1_000_000, 7), more: { list: [1, 2] } };
      const got: unknown[] = [];
      server.on('message', (message) => got.push(message));
      server.handle((request: unknown) => Blob.of(request as typeof big));
      const answers = [
        client.request(Blob.of(big)),
        client.send(Blob.of(big)),
        client.send(Move.of(move)),
        client.request(Blob.of(big)),
      ];
      expect(await answers[0]).to.deep.equal(big);
      expect(await answers[3]).to.deep.equal(big);
      await until(() => got.length === 2);
      expect(got).to.deep.equal([big, move]);
      expect(client.contractFallbacks).to.equal(0);
      const tooLarge = await rejected(client.send(Blob.of({ ...big, bytes: Buffer.alloc(17_000_000) })));
      expect(tooLarge.code).to.equal('ERR_TOO_LARGE');
      await client.send(Move.of(move));
      await until(() => got.length === 3);
    });

    it('a session that resumes goes on with them, and what waited arrives', async () => {
      const { server, client, connection } = await bus().pair({ contracts }, { contracts });
      const got: unknown[] = [];
      server.on('message', (message) => got.push(message));
      await client.send(Move.of(move));
      await until(() => got.length === 1);
      const resumed = next(client, 'session');
      bus().cut(connection);
      for (let x = 0; x < 100; x++) await client.send(Move.of({ ...move, x }));
      expect(await resumed).to.deep.equal([{ outcome: 'resumed', id: client.id }]);
      await until(() => got.length === 101);
      expect(got).to.deep.equal([move, ...Array.from({ length: 100 }, (_, x) => ({ ...move, x }))]);
      expect(await first(client, connection.send(Move.of(move)))).to.deep.equal(move);
      expect([client.contractFallbacks, connection.contractFallbacks]).to.deep.equal([0, 0]);
    });

    it('a plugin sends, asks and answers by them on its lane', async () => {
      const got: unknown[] = [];
      const moves = definePlugin({
        name: 'moves',
        server: (host) => ({
          api: host.lane({ message: (data) => void got.push(data), request: () => Move.of(move) }),
        }),
        client: (host) => ({ api: host.lane({}) }),
      });
      const server = bus().newServer({ contracts });
      server.use(moves);
      await server.start();
      const client = bus().newClient({ contracts, ...(server.port === undefined ? {} : { port: server.port }) });
      const lane = client.use(moves);
      await client.connect();
      await lane.send(client, Move.of(move));
      expect(await lane.request(client, Move.of(move))).to.deep.equal(move);
      expect(got).to.deep.equal([move]);
      expect(client.contractFallbacks).to.equal(0);
    });

    it('options - other things than structs, too many or too deep ones are ERR_INVALID_OPTION', () => {
      const codeOf = (options: object): string => {
        try {
          bus().newServer(options);
        } catch (error) {
          return (error as { code: string }).code;
        }
        return 'none';
      };
      const deep = struct('deep', { a: list(list(u32)) });
      expect(codeOf({ contracts: [Move, deep] })).to.equal('none');
      for (const wrong of [[{}], [null], Move, 'move', Array.from({ length: 129 }, () => Move)]) {
        expect(codeOf({ contracts: wrong })).to.equal('ERR_INVALID_OPTION');
      }
      expect(codeOf({ contracts: [deep], maxDepth: 2 })).to.equal('ERR_INVALID_OPTION');
    });

    it('what was never acknowledged comes back as it was given', async () => {
      const { server, client, connection } = await bus().pair(
        { contracts, sessionGraceMs: 0 },
        { contracts, reconnect: false },
      );
      const undelivered = next(connection, 'undelivered');
      client.pause();
      const value = Move.of(move);
      await connection.send(value);
      await server.broadcast(value);
      bus().cut(connection);
      const [messages] = (await undelivered) as [readonly { readonly data: unknown }[]];
      expect(messages.map(({ data }) => data)).to.deep.equal([value, move]);
      expect(messages[0]?.data).to.equal(value);
    });
  },
  { on: ['memory', 'unix'], speaking: [native] },
);
