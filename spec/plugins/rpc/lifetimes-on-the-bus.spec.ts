import { expect } from 'chai';
import { describe, it } from 'mocha';
import { proxy, remote } from '../../../lib/plugins/rpc/index.ts';
import { Meeting } from '../channels/meeting.ts';
import { rejection, until } from './worlds.ts';
import { Sources } from './sources.ts';

describe('lifetimes of what remote objects export, on the bus alone', () => {
  const text = {
    '~standard': {
      version: 1,
      vendor: 'spec',
      validate: () => ({ issues: [{ message: 'never' }] }),
    },
  } as const;

  it('too large - an answer on the bus is taken back', async () => {
    const meeting = await new Meeting('memory').start();
    const sources = new Sources();
    remote(meeting.server, { large: () => [sources.endless(), sources.file(), Buffer.alloc(20_000)] });
    const [, client] = await meeting.client({ maxMessageBytes: 10_000 });
    expect(await rejection(proxy<{ large(): void }>(client).large())).to.have.property('code', 'ERR_TOO_LARGE');
    await until(() => sources.made === 2 && sources.open === 0);
    await meeting.close();
  });

  it('schema - a result it refuses is let go of', async () => {
    const meeting = await new Meeting('memory').start();
    const sources = new Sources();
    remote(meeting.server, { give: () => sources.endless() }, { schema: { give: { output: text } } });
    const [, client] = await meeting.client();
    expect(await rejection(proxy<{ give(): void }>(client).give())).to.have.property('code', 'ERR_REMOTE');
    expect(sources).to.include({ made: 1, open: 0 });
    await meeting.close();
  });

  it('a new session - is not confused by what was exported in the one before', async () => {
    const meeting = await new Meeting('memory').start();
    const sources = new Sources();
    remote(meeting.server, { give: () => sources.endless() });
    const [, client] = await meeting.client();
    const calls = proxy<{ give(): AsyncIterable<number> }>(client);
    const old = (await calls.give())[Symbol.asyncIterator]();
    await old.next();
    const ready = new Promise((resolve) => client.once('ready', resolve));
    meeting.server.connections[0]?.destroy();
    await until(() => sources.open === 0);
    await ready;
    const fresh = (await calls.give())[Symbol.asyncIterator]();
    expect(await fresh.next()).to.deep.equal({ done: false, value: 0 });
    await old.return?.();
    expect(await fresh.next()).to.deep.equal({ done: false, value: 1 });
    await meeting.close();
  });
});
