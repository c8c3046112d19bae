import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { BusError } from '../../../lib/base/errors.ts';
import { ByteBudget, type HandshakeLimits, plainPacket } from '../../../lib/wire/handshake/packet.ts';
import { type ServerHandshakeStep, ServerHandshake } from '../../../lib/wire/handshake/server-handshake.ts';
import { teapot } from '../../../lib/wire/handshake/upgrade.ts';

const hello = { compress: true, messagepack: false, extras: { name: 'bot' }, id: null };
const packet = Buffer.from(plainPacket(0, hello));
const rest = Buffer.from('816e', 'hex');
const upgrade = Buffer.from('GET / HTTP/1.1\r\nHost: net-ipc\r\nConnection: Upgrade\r\nUpgrade: net-ipc\r\n\r\n');
const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: net-ipc\r\n\r\n';

function plain(step: ServerHandshakeStep): unknown {
  if (step.type === 'hello') return { hello: step.hello, rest: Buffer.from(step.rest).toString('hex') };
  if (step.type === 'answer') return { answer: step.answer, rest: Buffer.from(step.rest).toString('hex') };
  return { [step.type]: Buffer.from(step.bytes).toString() };
}

function open(parts: readonly Uint8Array[], limits?: HandshakeLimits): unknown[] {
  const opening = new ServerHandshake(limits);
  return parts.flatMap((part) => opening.feed(part)).map(plain);
}

function codeOf(task: () => unknown): string {
  try {
    task();
  } catch (error) {
    if (error instanceof BusError) return error.code;
    throw error;
  }
  return 'none';
}

function refused(data: unknown, type = 0): string {
  return codeOf(() => open([Buffer.from('IPC'), plainPacket(type, data)]));
}

const openings: [string, Buffer, unknown[]][] = [
  ['the IPC tag', Buffer.concat([Buffer.from('IPC'), packet]), [{ hello, rest: '' }]],
  ['the HTTP upgrade', Buffer.concat([upgrade, packet]), [{ write: switching }, { hello, rest: '' }]],
  ['the bare packet of net-ipc 1.x', packet, [{ hello, rest: '' }]],
];

describe('server opening', () => {
  for (const [name, bytes, steps] of openings) {
    it(`takes ${name}, cut anywhere`, () => {
      expect(open([bytes])).to.deep.equal(steps);
      expect(open(Array.from(bytes, (byte) => Uint8Array.of(byte)))).to.deep.equal(steps);
      for (let cut = 1; cut < bytes.length; cut++) {
        expect(open([bytes.subarray(0, cut), bytes.subarray(cut)])).to.deep.equal(steps);
      }
    });
  }

  it('takes a bare packet whose length begins like a letter, cut anywhere', () => {
    const long = { ...hello, extras: 'x'.repeat(9_100) };
    const bytes = Buffer.from(plainPacket(0, long));
    expect(bytes[0]).to.equal(0x47);
    for (const cut of [1, 2, 3, 4, 9, 5_000]) {
      expect(open([bytes.subarray(0, cut), bytes.subarray(cut)])).to.deep.equal([{ hello: long, rest: '' }]);
    }
  });

  it('hands over what follows the hello', () => {
    expect(open([Buffer.concat([Buffer.from('IPC'), packet, rest])])).to.deep.equal([{ hello, rest: '816e' }]);
  });

  it('reads the bytes that net-ipc 2.2.2 sends', () => {
    const text = '{"t":0,"d":{"compress":false,"messagepack":false,"extras":{"a":1},"id":null}}';
    const bytes = Buffer.concat([Buffer.from('495043cd', 'hex'), Buffer.from(text)]);
    expect(open([bytes])).to.deep.equal([
      { hello: { compress: false, messagepack: false, extras: { a: 1 }, id: null }, rest: '' },
    ]);
  });

  it('takes an upgrade whatever the case of its headers', () => {
    const head = 'GET /ipc HTTP/1.1\r\nhost: x\r\nconnection: keep-alive, upgrade\r\nUPGRADE: Net-IPC\r\n\r\n';
    expect(open([Buffer.from(head)])).to.deep.equal([{ write: switching }]);
  });

  for (const request of [
    'POST ',
    'OPTIONS ',
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    'GET / HTTP/1.1\r\nUpgrade: net-ipc\r\n\r\n',
    'GET / HTTP/1.1\r\nX-Connection: Upgrade\r\nX-Upgrade: net-ipc\r\n\r\n',
    'GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: net-ipc\r\n\r\n',
  ]) {
    it(`hands over ${JSON.stringify(request)} with all its bytes`, () => {
      expect(open(Array.from(Buffer.from(request), (byte) => Uint8Array.of(byte)))).to.deep.equal([{ http: request }]);
    });
  }

  it('has a teapot for those who want something else', () => {
    expect(Buffer.from(teapot()).toString()).to.match(/^HTTP\/1\.1 418 I'm a Teapot\r\n/);
  });

  for (const start of [
    'XX',
    'IPX',
    'GEX',
    'get ',
    '\x16\x03\x01\x02\x00',
    '\x81x',
    '\x00\x00\x00\x81',
    '{"t":0',
    'HELLO',
  ]) {
    it(`refuses a stream that begins with ${JSON.stringify(start)}`, () => {
      expect(codeOf(() => open([Buffer.from(start, 'latin1')]))).to.equal('ERR_PROTOCOL');
    });
  }

  it('waits while it cannot tell yet', () => {
    for (const start of ['I', 'IP', 'IPC', 'G', 'GE', 'GET', 'GET ', '\x81', 'X', '\x01', '\x01\x80{"t":']) {
      expect(open([Buffer.from(start, 'latin1')])).to.deep.equal([]);
    }
  });

  it('refuses a hello over the limit when its length is there, and never holds more', () => {
    const limits = { maxBytes: 1_000 };
    expect(codeOf(() => open([Buffer.from('IPC\x08\x80', 'latin1')], limits))).to.equal('ERR_TOO_LARGE');
    expect(codeOf(() => open([Buffer.from('IPC\x08\x00\x00\x00\x80', 'latin1')]))).to.equal('ERR_TOO_LARGE');
    expect(codeOf(() => open([Buffer.concat([Buffer.from('GET '), Buffer.alloc(997, 'x')])], limits))).to.equal(
      'ERR_TOO_LARGE',
    );
    expect(codeOf(() => open([Buffer.concat([Buffer.from('IPC'), packet, Buffer.alloc(1_000)])], limits))).to.equal(
      'ERR_TOO_LARGE',
    );
  });

  it('refuses packets that are no hello', () => {
    expect(refused(hello, 1)).to.equal('ERR_PROTOCOL');
    expect(refused(hello, 6)).to.equal('ERR_PROTOCOL');
    for (const body of ['', 'x', '[]', 'null', '{}', '{"t":"0"}', '{"t":0}', '{"t":0,"d":[]}', '{"t":0,"d":"x"}']) {
      const bytes = Buffer.concat([Buffer.from('IPC'), Buffer.from([0x80 + body.length]), Buffer.from(body)]);
      expect(
        codeOf(() => open([bytes])),
        body,
      ).to.equal('ERR_PROTOCOL');
    }
  });

  it('refuses a payload nested deeper than the limit', () => {
    let deep: unknown = 1;
    for (let depth = 0; depth < 64; depth++) deep = [deep];
    expect(refused({ ...hello, extras: deep })).to.equal('ERR_PROTOCOL');
  });

  it('takes an offer as it is and leaves unknown members out', () => {
    const busbar = {
      versions: [2, 1],
      features: ['records'],
      maxFrameBytes: 1_024,
      process: { pid: 7, start: 0, place: 'here' },
      contracts: ['0123456789abcdef', 'fedcba9876543210'],
      resume: { token: 'abc', received: 3 },
    };
    const [step] = open([Buffer.from('IPC'), plainPacket(0, { ...hello, busbar: { ...busbar, x: 1 }, y: 2 })]);
    expect(step).to.deep.equal({ hello: { ...hello, busbar }, rest: '' });
  });

  it('takes the numeric id that a net-ipc server with ids of its own gave', () => {
    const [step] = open([Buffer.from('IPC'), plainPacket(0, { ...hello, id: 42 })]);
    expect(step).to.deep.equal({ hello: { ...hello, id: '42' }, rest: '' });
  });

  const busbar = { versions: [1], features: [], maxFrameBytes: 1_024 };
  const wrong: object[] = [
    { compress: 1 },
    { messagepack: 'yes' },
    { id: true },
    { id: 'x'.repeat(129) },
    { id: 'é'.repeat(65) },
    { busbar: null },
    { busbar: [] },
    { busbar: { ...busbar, versions: [] } },
    { busbar: { ...busbar, versions: '1' } },
    { busbar: { ...busbar, versions: ['1'] } },
    { busbar: { ...busbar, versions: [1.5] } },
    { busbar: { ...busbar, versions: Array(17).fill(1) } },
    { busbar: { ...busbar, features: 'x' } },
    { busbar: { ...busbar, features: [1] } },
    { busbar: { ...busbar, features: ['x'.repeat(33)] } },
    { busbar: { ...busbar, features: Array(65).fill('x') } },
    { busbar: { ...busbar, maxFrameBytes: 0 } },
    { busbar: { ...busbar, maxFrameBytes: 1_023 } },
    { busbar: { ...busbar, maxFrameBytes: -1 } },
    { busbar: { ...busbar, maxDepth: 0 } },
    { busbar: { ...busbar, maxDepth: '20' } },
    { busbar: { versions: [1], features: [] } },
    { busbar: { ...busbar, resume: 'token' } },
    { busbar: { ...busbar, resume: { token: '', received: 0 } } },
    { busbar: { ...busbar, resume: { token: 'x'.repeat(65), received: 0 } } },
    { busbar: { ...busbar, resume: { token: 'x', received: -1 } } },
    { busbar: { ...busbar, resume: { token: 'x' } } },
    { busbar: { ...busbar, process: 7 } },
    { busbar: { ...busbar, process: null } },
    { busbar: { ...busbar, process: { pid: '7', start: 1, place: '' } } },
    { busbar: { ...busbar, process: { pid: -1, start: 1, place: '' } } },
    { busbar: { ...busbar, process: { pid: 7, start: 0.5, place: '' } } },
    { busbar: { ...busbar, process: { pid: 7, start: 1 } } },
    { busbar: { ...busbar, process: { pid: 7, start: 1, place: 'x'.repeat(257) } } },
    { busbar: { ...busbar, contracts: null } },
    { busbar: { ...busbar, contracts: '0123456789abcdef' } },
    { busbar: { ...busbar, contracts: [1] } },
    { busbar: { ...busbar, contracts: ['0123456789ABCDEF'] } },
    { busbar: { ...busbar, contracts: ['0123456789abcdef0'] } },
    { busbar: { ...busbar, contracts: Array(129).fill('0123456789abcdef') } },
  ];
  for (const members of wrong) {
    it(`refuses a hello with ${JSON.stringify(members).slice(0, 80)}`, () => {
      expect(refused({ ...hello, ...members })).to.equal('ERR_PROTOCOL');
    });
  }

  it('answers arbitrary bytes with steps or a BusError, the same however they are split', () => {
    const outcome = (parts: readonly Uint8Array[]): unknown => {
      const steps: unknown[] = [];
      const opening = new ServerHandshake({ maxBytes: 300 });
      try {
        for (const part of parts) {
          steps.push(...opening.feed(part).map(plain));
          if (steps.some((step) => JSON.stringify(step).startsWith('{"h'))) break;
        }
      } catch (error) {
        expect(error).to.be.instanceOf(BusError);
        return 'refused';
      }
      return steps.length > 0 ? steps[0] : 'waits';
    };
    const prefixes = ['', 'IPC', 'GET ', 'IPC\x86', '\x90{"t":0', upgrade.toString('latin1')];
    fc.assert(
      fc.property(fc.constantFrom(...prefixes), fc.uint8Array({ maxLength: 60 }), (prefix, tail) => {
        const bytes = Buffer.concat([Buffer.from(prefix, 'latin1'), tail]);
        const split = outcome(Array.from(bytes, (byte) => Uint8Array.of(byte)));
        const whole = outcome([bytes]);
        // A byte at a time the answer to an upgrade leaves before what follows it is found wrong.
        if (prefix.length < 10) expect(whole === 'refused').to.equal(split === 'refused');
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('byte budget', () => {
  it('is spent to the last byte and not further', () => {
    const budget = new ByteBudget(10);
    budget.spend(4);
    budget.spend(6);
    expect(budget.left).to.equal(0);
    expect(codeOf(() => budget.spend(1))).to.equal('ERR_TOO_LARGE');
  });
});
