import { expect } from 'chai';
import { runInNewContext } from 'node:vm';
import { it } from 'mocha';
import type { Client, Connection, Server } from '../../lib/index.ts';
import { contract, next, rejected } from '../support/buses.ts';

/** Objects that have the key for their own, and what of them may arrive. */
const hostile: readonly (readonly [string, unknown])[] = [
  ['{"__proto__":{"admin":true}}', {}],
  ['{"a":1,"__proto__":2,"b":3}', { a: 1, b: 3 }],
  ['{"__proto_":1,"__proto__":{"admin":true}}', { __proto_: 1 }],
  ['{"__proto__":{"admin":true},"__proto_":1}', { __proto_: 1 }],
  ['[{"in":[{"__proto__":{"__proto__":4}}]}]', [{ in: [{}] }]],
  ['{"text":"__proto__","list":["__proto__"]}', { text: '__proto__', list: ['__proto__'] }],
  ['{"constructor":{"prototype":{"admin":true}},"prototype":1,"toString":2}', null],
  [`{"pad":"${'x'.repeat(300)}","__proto__":1,"z":[]}`, { pad: 'x'.repeat(300), z: [] }],
  [`{"pad":"${'ü'.repeat(6_000)}","__proto__":1,"z":-5.5}`, { pad: 'ü'.repeat(6_000), z: -5.5 }],
];

interface Ends {
  readonly server: Server;
  readonly client: Client;
  readonly connection: Connection;
}

/** Every way a value goes from one end to the other, and how it is seen there. */
const verbs: Readonly<Record<string, (ends: Ends, value: unknown) => Promise<unknown>>> = {
  'client.send': async ({ server, client }, value) => first(server, 'message', client.send(value)),
  'connection.send': async ({ client, connection }, value) => first(client, 'message', connection.send(value)),
  'server.broadcast': async ({ server, client }, value) =>
    Promise.race([
      next(server, 'error').then(([error]) => Promise.reject(error as Error)),
      first(client, 'message', server.broadcast(value)),
    ]),
  'client.request': async ({ client }, value) => seen(await client.request({ value })),
  'connection.request': async ({ connection }, value) => seen(await connection.request({ value })),
  'server.survey': async ({ server }, value) => {
    const [answer] = await server.survey({ value });
    if (answer?.status !== 'fulfilled') throw answer?.reason;
    return seen(answer.value);
  },
};

async function first(emitter: Server | Client, event: string, sent: Promise<unknown>): Promise<unknown> {
  const [[value]] = await Promise.all([next(emitter, event), sent]);
  return value;
}

/** What a handler was given went back with the answer, so it has been read twice. */
function seen(answer: unknown): unknown {
  return (answer as { value: unknown }).value;
}

async function open(bus: { pair(): Promise<Ends> }): Promise<Ends> {
  const ends = await bus.pair();
  ends.server.handle((request) => request);
  ends.client.handle((request) => request);
  return ends;
}

function keysOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return [...Object.getOwnPropertyNames(value), ...Object.values(value).flatMap(keysOf)];
}

const classes = {
  point: new (class Point {
    x = 1;
    readonly #y = 2;
    get sum(): number {
      return this.x + this.#y;
    }
  })(),
  map: new (class extends Map<string, number> {})([['a', 1]]),
  list: class extends Array<number> {}.from([1, 2]),
  url: new URL('http://a/b'),
  bare: Object.assign(Object.create(null), { a: 1 }) as object,
  inherited: Object.create({ a: 1 }) as object,
};
const fields = { point: { x: 1 }, map: {}, list: [1, 2], url: 'http://a/b', bare: { a: 1 }, inherited: {} };
const boxed = [Object(5), Object(false), Object('ab')] as readonly unknown[];

contract(
  'values',
  (bus, { codec }) => {
    for (const [verb, go] of Object.entries(verbs)) {
      it(`${verb} - a key __proto__ is dropped and overwrites no other; constructor and prototype are data`, async () => {
        const ends = await open(bus());
        // Again and again: shapes are defined, named, and then read by code made for them.
        for (let round = 0; round < 4; round++) {
          for (const [text, expected] of hostile) {
            const arrived = await go(ends, JSON.parse(text));
            expect(arrived, text.slice(0, 80)).to.deep.equal(expected ?? JSON.parse(text));
            expect(keysOf(arrived)).not.to.include('__proto__');
            expect(Object.assign({}, arrived)).not.to.have.property('admin');
          }
        }
      });

      it(`${verb} - shared memory is refused at any depth, what lies on it travels`, async () => {
        const ends = await open(bus());
        const memory = new SharedArrayBuffer(8);
        const foreign: unknown = runInNewContext('new SharedArrayBuffer(1)');
        const instance = new (class {
          memory = memory;
        })();
        for (const data of [memory, [memory], { a: [{ memory }] }, { a: { b: [{}, foreign] } }, { instance }]) {
          const outcome = await go(ends, data).then(
            (value: unknown) => value,
            (error: unknown) => (error as { code: unknown }).code,
          );
          expect(outcome).to.equal('ERR_UNENCODABLE');
        }
        bus().takeErrors();
        const bytes = new Uint8Array(memory).fill(7);
        const arrived = (await go(ends, { bytes, empty: {} })) as { bytes: Uint8Array; empty: object };
        expect([Object.values(arrived.bytes), arrived.empty]).to.deep.equal([Object.values(bytes), {}]);
      });
    }

    it('lone surrogates, boxed primitives and instances of classes - arrive as documented', async () => {
      const ends = await open(bus());
      const arrived = async (value: unknown): Promise<unknown> => verbs['client.request']!(ends, value);
      const isJson = codec === 'JSON';
      for (const pad of ['', 'x'.repeat(40), 'x'.repeat(400)]) {
        for (const lone of ['\ud800', '\udc00', '\ud800y']) {
          const text = (await arrived(pad + lone)) as string;
          if (isJson) expect(text).to.equal(pad + lone);
          else expect(text.slice(pad.length)).to.match(/^\ufffd{1,3}y?$/);
        }
      }
      expect(await arrived('\ufeffa 🚌')).to.equal('\ufeffa 🚌');
      expect(await arrived(boxed)).to.deep.equal(isJson ? [5, false, 'ab'] : [{}, {}, { 0: 'a', 1: 'b' }]);
      expect(await arrived(classes)).to.deep.equal(fields);
      if (isJson) await rejected(arrived(Object(5n)));
      else
        expect(await arrived([Object(5n), new Date(5), new Set([1])])).to.deep.equal([{}, new Date(5), new Set([1])]);
    });

    it('the payload of connect() - has no key __proto__ either, and shared memory is refused', async () => {
      const server = await bus().server();
      const payload = JSON.parse('{"__proto_":1,"__proto__":{"admin":true},"list":[{"__proto__":2}]}') as unknown;
      const [[connection, arrived]] = await Promise.all([next(server, 'connect'), bus().client({}, payload)]);
      void connection;
      expect(arrived).to.deep.equal({ __proto_: 1, list: [{}] });
      expect(keysOf(arrived)).to.deep.equal(['__proto_', 'list', '0', 'length']);
      const error = await rejected(bus().client({ retries: 0 }, { at: [new SharedArrayBuffer(1)] }));
      expect(error.code).to.equal('ERR_UNENCODABLE');
    });

    it('a reason given to close() - has no key __proto__ either', async () => {
      const { client, connection } = await bus().pair();
      const closed = next(client, 'close');
      await connection.close(JSON.parse('{"__proto__":1,"why":"so"}'));
      expect((await closed)[0]).to.deep.equal({ why: 'so' });
    });
  },
  { on: ['memory', 'unix'] },
);
