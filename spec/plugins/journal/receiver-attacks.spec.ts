import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type BusError, Client, type Lane, MessageCodec, type PluginHost, Server } from '../../../lib/index.ts';
import { journal } from '../../../lib/plugins/journal/index.ts';
import { mostAsked, mostJournals, stretchHeadBytes } from '../../../lib/plugins/journal/format/lane-messages.ts';
import { recordHeaderBytes, writeUint32 } from '../../../lib/plugins/journal/log/record.ts';
import { messageHead, RecordKind } from '../../../lib/plugins/journal/format/message-record.ts';
import { digestOf } from '../../../lib/plugins/journal/format/request-body.ts';
import { rejected, until } from '../../support/buses.ts';
import { hear, ownPlace } from './own-folder.ts';
import { RawSender, recordOf } from './raw-sender.ts';

const codec = new MessageCodec();
const body = codec.encode('an attack');
const id = (letter: string): string => letter.repeat(22);
const damaged = 'The journal got damaged records';
const foreign = 'The journal got records of another sender';
const without = 'The journal got records without messages';

/** A record with another byte at that place. */
function changed(record: Buffer, at: number): Buffer {
  record[at] = (record[at] as number) ^ 1;
  return record;
}

/** What says that it is so long, whatever follows. */
function longer(length: number): Buffer {
  const record = recordOf(1, body);
  writeUint32(record, 0, length);
  record.writeUInt16LE((length ^ (length >>> 16) ^ 0xb5a3) & 0xffff, 8);
  return record;
}

/** What is sent by a journal that is open, and what the sender is told. */
const stretches: Readonly<Record<string, readonly [send: (raw: RawSender) => Promise<void>, told: string]>> = {
  'nothing at all': [(raw) => raw.say(Buffer.alloc(0)), foreign],
  'a head cut short': [(raw) => raw.say(Buffer.alloc(stretchHeadBytes - 1)), foreign],
  'another opening': [(raw) => raw.sendRecords([recordOf(1, body)], 0, id('x')), foreign],
  'no records': [(raw) => raw.sendRecords([]), without],
  'notes alone': [
    (raw) => raw.sendRecords([recordOf(1, new Uint8Array(6), new Uint8Array([RecordKind.taken]))]),
    without,
  ],
  'records of no kind': [(raw) => raw.sendRecords([recordOf(1, body, new Uint8Array([77]))]), without],
  'a record without a body': [
    (raw) => raw.sendRecords([recordOf(1, body, new Uint8Array(0)).subarray(0, 16)]),
    damaged,
  ],
  'a message without data': [(raw) => raw.sendRecords([recordOf(1, new Uint8Array(0))]), damaged],
  'half a message': [
    (raw) => raw.sendRecords([recordOf(1, new Uint8Array(2), messageHead(0).subarray(0, 2))]),
    damaged,
  ],
  'sequence 0': [(raw) => raw.sendRecords([recordOf(0, body)]), damaged],
  'the same sequence again': [(raw) => raw.sendRecords([recordOf(1, body), recordOf(1, body)]), damaged],
  'sequences that go back': [(raw) => raw.sendRecords([recordOf(2, body), recordOf(1, body)]), damaged],
  'a gap': [(raw) => raw.sendRecords([recordOf(9, body)], 8), 'The journal got records out of order'],
  'a wrong length': [(raw) => raw.sendRecords([changed(recordOf(1, body), 0)]), damaged],
  'a wrong checksum': [(raw) => raw.sendRecords([changed(recordOf(1, body), 4)]), damaged],
  'a changed body': [(raw) => raw.sendRecords([changed(recordOf(1, body), recordHeaderBytes + 9)]), damaged],
  'a length beyond the end': [(raw) => raw.sendRecords([longer(1_000_000)]), damaged],
  'the largest length': [(raw) => raw.sendRecords([longer(0xffffffff)]), damaged],
  'a good one and a half': [(raw) => raw.sendRecords([recordOf(1, body), recordOf(2, body).subarray(0, 20)]), damaged],
};

/** What is asked, and what that rejects with. */
const questions: Readonly<Record<string, readonly [question: unknown, code: string]>> = {
  nothing: [null, 'ERR_PROTOCOL'],
  'a word': ['what', 'ERR_PROTOCOL'],
  'no folder': [[null, []], 'ERR_PROTOCOL'],
  'an id too short': [['x', []], 'ERR_PROTOCOL'],
  'no list': [[id('f'), {}], 'ERR_PROTOCOL'],
  'a sequence below 0': [[id('f'), [[id('j'), -1]]], 'ERR_PROTOCOL'],
  'a sequence that is no number': [[id('f'), [[id('j'), '1']]], 'ERR_PROTOCOL'],
  'too many openings': [[id('f'), Array.from({ length: mostJournals + 1 }, () => [id('j'), 0])], 'ERR_PROTOCOL'],
  'answers of nothing': [['ask', null], 'ERR_PROTOCOL'],
  'answers without a digest': [['ask', [['=key']]], 'ERR_PROTOCOL'],
  'too many answers': [['ask', Array.from({ length: mostAsked + 1 }, () => ['=key', id('d')])], 'ERR_PROTOCOL'],
};

describe('journal, attacks on a receiver', () => {
  const at = ownPlace();

  /** A server, what it hears, and an honest client, which sends one more and is heard whenever it is asked to. */
  async function begin(): Promise<{ up: Server; heard: unknown[]; honest: Client; goOn(): Promise<void> }> {
    const up = new Server({ path: at.path, journal: journal(join(at.home, 'inbox')) });
    const heard = hear(up);
    const honest = new Client({ path: at.path, journal: journal(join(at.home, 'outbox')) });
    at.open.push(up, honest);
    honest.on('error', ({ code }) => void at.errors.push(`honest ${code}`));
    await up.start();
    await honest.connect();
    const sent: unknown[] = [];
    const goOn = async (): Promise<void> => {
      sent.push(`honest ${sent.length}`);
      await honest.send(sent.at(-1), { durable: true, confirm: true });
      await until(() => heard.length >= sent.length);
      expect(heard).to.deep.equal(sent);
      const { deadLetters, heldBytes } = up.stats().plugins.journal as Record<string, number>;
      expect([deadLetters, heldBytes]).to.deep.equal([0, 0]);
    };
    await goOn();
    return { up, heard, honest, goOn };
  }

  async function connect(): Promise<RawSender> {
    const raw = await RawSender.connect(at.path);
    at.open.push(raw.client);
    return raw;
  }

  it('records - that are none are told to who sent them, nothing of them is here, and others go on', async () => {
    const { up, goOn } = await begin();
    const errors: string[] = [];
    up.on('error', ({ code }) => void errors.push(code));
    const raw = await connect();
    for (const [name, [send, told]] of Object.entries(stretches)) {
      raw.acknowledged.length = 0;
      await send(raw);
      await until(() => raw.acknowledged.length > 0, name);
      expect([name, ...raw.acknowledged]).to.deep.equal([name, ['closed', told]]);
      expect(await raw.open([[raw.journal, 0]])).to.deep.equal([[raw.journal, 0]]);
      await goOn();
    }
    expect(new Set(errors)).to.deep.equal(new Set(['ERR_PROTOCOL']));
    expect((up.stats().plugins.journal as { segments: number }).segments).to.equal(1);
  });

  it('questions - that are none reject, and what is asked of others has no answer', async () => {
    const { up, honest, goOn } = await begin();
    up.handle(() => 'a secret');
    expect(await honest.request('what', { durable: true, key: 'key' })).to.equal('a secret');
    const raw = await connect();
    for (const [name, [question, code]] of Object.entries(questions)) {
      expect([name, (await rejected(raw.request(question))).code]).to.deep.equal([name, code]);
    }
    await raw.ask([['=key', digestOf(codec.encode('what'))]]);
    await raw.say(['got', '=key']);
    await goOn();
    expect(raw.acknowledged).to.deep.equal([]);
    expect(await honest.request('what', { durable: true, key: 'key' })).to.equal('a secret');

    const folder = up.connections.find(({ journal: own }) => own !== undefined && own !== raw.folder)?.journal ?? '';
    expect((await rejected(raw.request([folder, []]))).code).to.equal('ERR_JOURNAL_IN_USE');
    for (const letter of ['a', 'b', 'c']) await raw.request([id(letter), []]);
    expect((await rejected(raw.request([id('e'), []]))).code).to.equal('ERR_QUEUE_FULL');
    await goOn();
  });

  it('messages - that are none, or answer nothing, are refused or have no effect', async () => {
    const { up, goOn } = await begin();
    const errors: string[] = [];
    up.on('error', ({ code }) => void errors.push(code));
    const raw = await connect();
    const sayings = [
      [id('j'), Number.MAX_SAFE_INTEGER],
      ['closed', 'as you like'],
      ['got', '#nothing'],
      ['answer', '=key', id('d'), false, body],
      ['closed', 'x'.repeat(1_000)],
      [id('j'), -1],
      ['got', 1],
      null,
      [],
      'what',
    ];
    for (const saying of sayings) await raw.say(saying);
    await raw.ask([]);
    await goOn();
    expect(errors).to.deep.equal([]);
    // What it has open is as it was.
    await raw.sendRecords([recordOf(1, codec.encode('honest 2'))]);
    await until(() => raw.acknowledged.length === 1);
    expect(raw.acknowledged).to.deep.equal([[raw.journal, 1]]);
  });

  it('servers - that have what was never sent, or answer what nobody asked, take nothing of what waits', async () => {
    let lane!: Lane;
    let opened: (journals: [string, number][]) => unknown = () => null;
    const wrong = new Server({ path: at.path });
    at.open.push(wrong);
    wrong.use({
      name: 'journal',
      install: (host: PluginHost) => {
        lane = host.lane({
          message: () => {},
          request: (question) => opened((question as [string, [string, number][]])[1]),
        });
        return { api: undefined };
      },
    });
    await wrong.start();
    const honest = new Client({ path: at.path, journal: journal(join(at.home, 'outbox')), maxRetryTime: 100 });
    at.open.push(honest);
    honest.on('error', ({ code }: BusError) => void at.errors.push(code));
    await honest.send('first', { durable: true });
    await honest.connect();
    await until(() => at.errors.length > 0);
    expect(at.errors).to.deep.equal(['ERR_PROTOCOL']);
    // Open, as far as the client knows.
    opened = (journals) => [1_000_000, journals.map(([own]) => [own, 0]), 0];
    await until(() => honest.delivery === 'journal');
    at.errors.length = 0;
    const [peer] = wrong.connections;
    for (const saying of [
      [id('j'), 1],
      ['answer', '=key', id('d'), false, body],
      ['got', '#what'],
      [id('j'), -1],
      {},
    ]) {
      if (peer !== undefined) await lane.send(peer, saying);
    }
    // Three of these are nothing that a server says.
    await until(() => at.errors.length >= 3);
    expect(at.errors).to.deep.equal(['ERR_PROTOCOL', 'ERR_PROTOCOL', 'ERR_PROTOCOL']);
    await honest.send('second', { durable: true });
    expect((await honest.backlog()).messages).to.equal(2);
    await wrong.close(true);

    const up = new Server({ path: at.path, journal: journal(join(at.home, 'inbox')) });
    at.open.push(up);
    const heard = hear(up);
    await up.start();
    await until(() => heard.length >= 2);
    await honest.send('third', { durable: true, confirm: true });
    expect(heard).to.deep.equal(['first', 'second', 'third']);
  });
});
