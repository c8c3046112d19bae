import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type Connection, MessageCodec, type PeerHandle, Server } from '../../../lib/index.ts';
import { journal, type JournalSettings } from '../../../lib/plugins/journal/index.ts';
import { FaultProxy, SeededRandom } from '../../../lib/testing/index.ts';
import { Senders } from '../../../lib/plugins/journal/inbox/senders.ts';
import { rejected, until } from '../../support/buses.ts';
import { RawSender } from './raw-sender.ts';
import { ownPlace } from './own-folder.ts';

describe('journal, limits of a receiver', () => {
  const codec = new MessageCodec();
  const at = ownPlace();

  async function server(options: JournalSettings): Promise<Server> {
    const up = new Server({ path: at.path, journal: journal(join(at.home, 'inbox'), options) });
    at.open.push(up);
    return up.start();
  }

  async function connect(): Promise<RawSender> {
    const sender = await RawSender.connect(at.path);
    at.open.push(sender.client);
    return sender;
  }

  it('shares - a sender whose messages wait leaves room for others, over a restart too, and goes on when they were handled', async () => {
    const options = { maxBytes: 262_144 };
    let up = await server(options);
    const hog = await connect();
    const body = codec.encode('x'.repeat(8_000));
    for (let count = 0; count < 60; count++) await hog.send([body]);
    // Four fifths of the folder, to within a segment.
    await until(() => hog.acknowledged.length >= 20);
    const other = await connect();
    await other.send([codec.encode('small')]);
    await until(() => other.acknowledged.length === 1);
    const taken = hog.acknowledged.length;
    expect(taken).to.be.within(20, 30);
    await up.close();

    up = await server(options);
    await hog.client.connect();
    await hog.open([[hog.journal, 60]]);
    const third = await connect();
    await hog.send([body]);
    await third.send([codec.encode('also small')]);
    await until(() => third.acknowledged.length === 1);
    expect(hog.acknowledged.length).to.equal(taken);
    const heard: unknown[] = [];
    up.on('message', (data) => void heard.push(String(data).length));
    await until(() => hog.acknowledged.length === taken + 1);
    await until(() => heard.length === taken + 3);
  });

  /** A server that takes the next clients for those of these owners. */
  async function serverOf(owners: readonly string[], options: JournalSettings): Promise<Server> {
    const left = [...owners];
    const known = new WeakMap<object, string | undefined>();
    const up = new Server({
      path: at.path,
      journal: journal(join(at.home, 'inbox'), { ...options, owner: async (connection) => known.get(connection) }),
    });
    up.on('error', () => {});
    up.on('connect', (connection: Connection) => void known.set(connection, left.shift()));
    at.open.push(up);
    return up.start();
  }

  it('owners - one with many ids leaves as much room for others as one with one', async () => {
    await serverOf([...Array.from({ length: 6 }, () => 'hog'), 'other'], { maxBytes: 262_144 });
    const body = codec.encode('x'.repeat(8_000));
    const hogs: RawSender[] = [];
    const taken = (): number => hogs.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);
    for (let session = 0; session < 6; session++) {
      const hog = await connect();
      hogs.push(hog);
      for (let count = 0; count < 30; count++) await hog.send([body]);
    }
    await until(() => taken() >= 20);
    const other = await connect();
    for (let count = 0; count < 3; count++) await other.send([body]);
    await until(() => other.acknowledged.length === 3);
    expect(taken()).to.be.within(20, 28);
  });

  it('owners - a journal is bound to the first one, over restarts too, and nobody else moves it or gets what is for it', async () => {
    let up = await serverOf(['ann', 'bob'], {});
    const ann = await connect();
    await ann.send([codec.encode('a')]);
    await until(() => ann.acknowledged.length === 1);
    await ann.client.close();
    expect((await rejected(RawSender.connect(at.path, ann.folder))).code).to.equal('ERR_UNAUTHORIZED');
    await up.close();
    up = await serverOf(['bob', '', 'ann'], {});
    expect((await rejected(RawSender.connect(at.path, ann.folder))).code).to.equal('ERR_UNAUTHORIZED');
    // One that is no name is a mistake of the program's, and nobody's.
    expect((await rejected(RawSender.connect(at.path, ann.folder))).code).to.equal('ERR_REMOTE');
    const again = await RawSender.connect(at.path, ann.folder);
    at.open.push(again.client);
    expect(await again.open([[ann.journal, 1]])).to.deep.equal([[ann.journal, 1]]);
  });

  it('owners - where there is no room, those go of whoever has most', () => {
    const senders = new Senders(1_073_741_824, true);
    const peer = (): PeerHandle => ({ remoteAddress: 'here' }) as PeerHandle;
    const enter = (folder: string, owner: `=${string}` | undefined): void => {
      const visitor = peer();
      senders.open(visitor, [folder, [['journal', 0]]], 0, owner);
      senders.wrote(folder, 'journal', 1, 0);
      senders.over(visitor);
    };
    enter('local', undefined);
    enter('first', '=ann');
    for (let count = 0; count < 9_998; count++) enter(`folder ${count}`, '=hog');
    expect(() => enter('one more', '=hog'))
      .to.throw()
      .with.property('code', 'ERR_QUEUE_FULL');
    for (let count = 0; count < 10; count++) enter(`ann ${count}`, '=ann');
    enter('local too', undefined);
    const folders = senders.rows.map(([folder]) => folder);
    expect(folders).to.have.length(10_000);
    expect(folders).to.include.members(['local', 'first', 'ann 9', 'local too', 'folder 11']);
    expect(folders).to.not.include('folder 10');
  });

  it('memory - what waits of a sender goes with its session, when it leaves or opens another journal, and when another has its', async () => {
    const up = await server({ maxBytes: 65_536 });
    const held = (): number => (up.stats().plugins.journal as { heldBytes: number }).heldBytes;
    const body = codec.encode('x'.repeat(20_000));
    const full = await connect();
    for (let count = 0; count < 4; count++) await full.send([body]);
    await until(() => full.acknowledged.length === 3);
    const before = held();
    /** One of whom nothing is written, and something waits. */
    const waiting = async (path = at.path): Promise<RawSender> => {
      const sender = await RawSender.connect(path);
      at.open.push(sender.client);
      await sender.send([body]);
      await sender.send([body]);
      await until(() => held() > before + 40_000);
      return sender;
    };
    const over = await waiting();
    await over.client.close();
    await until(() => held() === before);

    const left = await waiting();
    await left.leave();
    expect(held()).to.equal(before);

    const elsewhere = await waiting();
    elsewhere.folder = left.folder;
    await elsewhere.open([]);
    expect(held()).to.equal(before);

    const proxy = await new FaultProxy({
      listen: { path: join(at.home, 'proxy') },
      target: { path: at.path },
      random: new SeededRandom(1),
    }).start();
    try {
      const displaced = await waiting(join(at.home, 'proxy'));
      proxy.refusing = true;
      proxy.reset();
      await until(() => up.connections.some((each) => each.remoteAddress === undefined));
      at.open.push((await RawSender.connect(at.path, displaced.folder)).client);
      expect(held()).to.equal(before);
    } finally {
      await proxy.close();
    }
  });

  it('memory - of those who had a journal before few are known, the first ones', () => {
    const senders = new Senders(1_073_741_824);
    const peers = Array.from({ length: 100 }, () => ({ remoteAddress: undefined }) as unknown as PeerHandle);
    for (const peer of peers) senders.open(peer, ['one', [['journal', 0]]], 0);
    const [first, second] = peers as [PeerHandle, PeerHandle];
    const sender = senders.of(peers.at(-1) as PeerHandle);
    expect(sender?.displaced).to.have.length.within(2, 20).and.include.members([first, second]);
    // One that is not known opens it again.
    expect(senders.linked(peers[50] as PeerHandle, true)).to.deep.equal([]);
    expect(senders.linked(first, true)).to.deep.equal([peers.at(-1), first]);
  });

  it('ids - whoever has only that of a folder does not have the receiver forget what it has of it', async () => {
    const up = await server({});
    const heard: unknown[] = [];
    up.on('message', (data) => void heard.push(data));
    const owner = await connect();
    await owner.send([codec.encode('a'), codec.encode('b')]);
    await until(() => owner.acknowledged.length === 1);
    await owner.client.close();
    for (let visit = 0; visit < 3; visit++) {
      const stranger = await RawSender.connect(at.path, owner.folder);
      await stranger.send([codec.encode(`stranger ${visit}`)]);
      await until(() => stranger.acknowledged.length === 1);
      await stranger.client.close();
    }
    await owner.client.connect();
    expect(await owner.open([[owner.journal, 2]])).to.deep.equal([[owner.journal, 2]]);
    at.open.push(owner.client);
    await until(() => heard.length >= 5);
    expect(heard).to.deep.equal(['a', 'b', 'stranger 0', 'stranger 1', 'stranger 2']);
  });

  it('ids - of one session that are new are few, and of one id few openings are kept', () => {
    const senders = new Senders(1_073_741_824);
    const greedy = { remoteAddress: 'here' } as PeerHandle;
    const opened: string[] = [];
    const enter = (): void => {
      for (let count = 0; count < 1_000; count++) {
        const folder = `folder ${count}`;
        senders.open(greedy, [folder, [['journal', 0]]], 0);
        senders.wrote(folder, 'journal', 1, 0);
        opened.push(folder);
      }
    };
    expect(enter).to.throw().with.property('code', 'ERR_QUEUE_FULL');
    expect(opened).to.have.length(4);
    // As many openings as can be named at once, others each time, and nothing or one record of each.
    for (const last of [0, 1]) {
      for (let visit = 0; visit < 20; visit++) {
        const visitor = { remoteAddress: 'here' } as PeerHandle;
        const journals = Array.from({ length: 256 }, (_, index) => [`${last} ${visit} ${index}`, 0] as const);
        const sender = senders.open(visitor, ['many', journals], 0);
        for (const [journal] of journals) {
          if (last === 0) sender.accepted.set(journal, 0);
          else senders.wrote('many', journal, last, 0);
        }
        senders.over(visitor);
      }
      const many = senders.rows.find(([folder]) => folder === 'many');
      expect(many?.[2].length ?? 0).to.be.at.most(last * 1_280);
    }
  });

  it('ids - that nothing came of are not kept, and of the others so many, those of whoever has most first', () => {
    const senders = new Senders(65_536);
    const peer = (): PeerHandle => ({ remoteAddress: 'here' }) as PeerHandle;
    for (let count = 0; count < 20_000; count++) {
      const visitor = peer();
      senders.open(visitor, [`folder ${count}`, [['journal', 0]]], 0);
      senders.leave(visitor);
    }
    expect(senders.rows).to.deep.equal([]);
    for (let count = 0; count < 66; count++) senders.wrote('greedy', `journal ${count}`, 1, 0);
    senders.wrote('ordinary', 'journal', 7, 0);
    const newcomer = peer();
    senders.open(newcomer, ['new', []], 1);
    expect(senders.rows.map(([folder]) => folder)).to.deep.equal(['ordinary', 'new']);
    for (let count = 0; count < 70; count++) senders.wrote(`folder ${count}`, 'journal', 1, 2);
    expect(() => senders.open(peer(), ['late', []], 3))
      .to.throw()
      .with.property('code', 'ERR_QUEUE_FULL');
    senders.open(peer(), ['ordinary', [['journal', 7]]], 3);
    const week = 7 * 24 * 3_600_000;
    senders.open(peer(), ['late', []], week + 3);
    expect(senders.rows.map(([folder]) => folder))
      .to.include('ordinary')
      .and.not.include('folder 0');
  });
});
