import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Client, type Connection, Server } from '../../lib/index.ts';
import { journal } from '../../lib/plugins/journal/index.ts';
import { ownPlace } from '../plugins/journal/own-folder.ts';
import { next, until } from '../support/buses.ts';
import { journalInProcess as busbar } from './in-process.ts';

const durable = true;

describe('busbar journal, of both directions', () => {
  const at = ownPlace();

  async function server(): Promise<Server> {
    const made = new Server({ path: at.path, journal: journal(join(at.home, 'server')) });
    at.open.push(made);
    return made.start();
  }

  function client(): Client {
    const made = new Client({ path: at.path, journal: journal(join(at.home, 'client')) });
    made.on('error', () => {});
    at.open.push(made);
    return made;
  }

  const jsonOf = async (folder: string): Promise<Record<string, never>> =>
    JSON.parse((await busbar(folder, '--json')).stdout);

  /** One message of the server failed at the client, one waits there, and two wait at the server. */
  async function leave(): Promise<string> {
    const up = await server();
    const end = client();
    const consumer = end.consume(
      () => {
        throw new Error('not now');
      },
      { maxAttempts: 1 },
    );
    const [[given]] = await Promise.all([next(up, 'connect'), end.connect()]);
    const connection = given as Connection;
    const dead = next(end, 'deadLetter');
    await connection.send('dead', { durable, confirm: true });
    await dead;
    await consumer.stop();
    await connection.send('received', { durable, confirm: true });
    const gone = next(up, 'disconnect');
    end.destroy();
    await Promise.all([connection.send('b', { durable }), connection.send('c', { durable }), gone]);
    const id = connection.journal ?? (await up.backlog())[0]?.id ?? '';
    await up.close();
    await end.close();
    return id;
  }

  it('shows what came to a client with its dead letters, and what waits at a server for each client', async () => {
    const id = await leave();
    const [folder, upFolder] = [join(at.home, 'client'), join(at.home, 'server')];
    const own = await jsonOf(folder);
    expect(own).to.have.all.keys('segments', 'waiting', 'deadLetters', 'inbox');
    expect(own['waiting']).to.equal(0);
    expect(own['deadLetters']).to.have.length(1);
    expect(own['inbox']).to.deep.include({ waiting: 1 });
    const up = await jsonOf(upFolder);
    expect(up).to.have.all.keys('segments', 'waiting', 'deadLetters', 'peers');
    const [peer] = up['peers'] as unknown as { id: string; waiting: number; segments: unknown[] }[];
    expect(up['peers']).to.have.length(1);
    expect([peer?.id, peer?.waiting]).to.deep.equal([id, 2]);
    expect(peer?.segments).to.have.length.above(0);

    const text = (await busbar(folder)).stdout;
    expect(text).to.include('there are 1 dead letters').and.include('1 received messages wait.').and.include('not now');
    const upText = (await busbar(upFolder)).stdout;
    expect(upText).to.match(new RegExp(`${id} .* 2\n`));
    expect(upText).to.include('Messages wait for 1 of 1 clients');
    for (const line of `${text}${upText}`.split('\n')) expect(line.length).to.be.below(80);

    const dumped = async (of: string): Promise<unknown[]> => {
      const lines = (await busbar(of, '--dump')).stdout.trimEnd().split('\n');
      return lines.map((line) => JSON.parse(line)).map(({ place, kind }) => `${place} ${kind}`);
    };
    expect(await dumped(folder)).to.include.members(['inbox received', 'inbox dead']);
    expect(await dumped(upFolder)).to.include.members([`peers/${id} message`]);
  });

  it('--retry - has the dead letters of a client handled again, not while a process has the folder', async () => {
    await leave();
    const folder = join(at.home, 'client');
    const [letter] = (await jsonOf(folder))['deadLetters'] as unknown as { id: string }[];
    const holder = client();
    await holder.backlog();
    expect((await busbar(folder, '--retry')).code).to.equal(4);
    await holder.close();
    expect(await busbar(folder, '--retry', 'none.1')).to.deep.equal({
      code: 1,
      stdout: '',
      stderr: 'busbar journal: There is no dead letter none.1\n',
    });
    const { code, stdout } = await busbar(folder, '--retry', letter?.id ?? '');
    expect([code, stdout]).to.deep.equal([0, '1 dead letters are handled again by the next process.\n']);
    expect((await jsonOf(folder))['deadLetters']).to.deep.equal([]);
    await server();
    const end = client();
    const heard: unknown[] = [];
    end.on('message', (data) => heard.push(data));
    await end.connect();
    await until(() => heard.length === 4);
    expect(heard).to.have.members(['dead', 'received', 'b', 'c']);
  });

  it('--retry - of a client that has none changes nothing, and what waits there stays', async () => {
    const end = client();
    await end.send('a', { durable });
    await end.close();
    const folder = join(at.home, 'client');
    const { code, stdout } = await busbar(folder, '--retry');
    expect([code, stdout]).to.deep.equal([0, '0 dead letters are handled again by the next process.\n']);
    expect((await jsonOf(folder))['waiting']).to.equal(1);
  });
});
