import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Client, Server } from '../../../lib/index.ts';
import { journal, Log } from '../../../lib/plugins/journal/index.ts';
import { rejected, until } from '../../support/buses.ts';
import { hear, ownPlace } from './own-folder.ts';

/** Every file in there, with what is in it. */
function contentOf(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) found[path] = readFileSync(path, 'latin1');
  }
  return found;
}

describe('journal, folders of another end', () => {
  const at = ownPlace();
  const folder = (...names: string[]): string => join(at.home, ...names);

  function server(name = 'server'): Server {
    const made = new Server({ path: at.path, journal: journal(folder(name)) });
    made.on('error', ({ code }) => at.errors.push(code));
    at.open.push(made);
    return made;
  }

  function client(name = 'client'): Client {
    const made = new Client({ path: at.path, journal: journal(folder(name)) });
    made.on('error', ({ code }) => at.errors.push(code));
    at.open.push(made);
    return made;
  }

  async function refuses(place: string, call: () => Promise<unknown>): Promise<void> {
    const before = contentOf(place);
    const { code, message } = await rejected(call());
    expect(code).to.equal('ERR_JOURNAL');
    expect(message).to.include(place).and.to.include('needs its own folder');
    expect(contentOf(place)).to.deep.equal(before);
  }

  it('that of a client - a server refuses it, and the client still sends what waits', async () => {
    const sender = client();
    await sender.send('a', { durable: true });
    await sender.close();
    await refuses(folder('client'), () => server('client').start());
    await refuses(folder('client'), () => server('client').backlog());
    const heard = hear(await server().start());
    await client().connect();
    await until(() => heard.length === 1);
    expect(heard).to.deep.equal(['a']);
    expect(at.errors).to.deep.equal([]);
  });

  it('that of a server - a client refuses it, and what waits there for listeners and for a client is heard', async () => {
    let up = await server().start();
    let end = await client().connect();
    const id = up.connections[0]?.journal as string;
    await end.send('a', { durable: true, confirm: true });
    await up.connections[0]?.send('b', { durable: true, confirm: true });
    const sent = up.connections[0]?.send('c', { durable: true });
    end.destroy();
    await sent;
    await up.close();
    await end.close();
    await refuses(folder('server'), () => client('server').backlog());
    await refuses(folder('server'), () => client('server').send('d', { durable: true }));
    await refuses(folder('server', 'peers', id), () => client(join('server', 'peers', id)).connect());
    await refuses(folder('client', 'inbox'), () => server(join('client', 'inbox')).start());
    up = server();
    const heard = hear(up);
    await up.start();
    end = client();
    const back = hear(end);
    await end.connect();
    await until(() => heard.length === 1 && back.length === 2);
    expect([heard, back]).to.deep.equal([['a'], ['b', 'c']]);
    expect(at.errors).to.deep.equal([]);
  });

  it('that of a client that has sent nothing, or of a server that has received nothing - is refused too', async () => {
    const up = await server().start();
    const end = await client().connect();
    await end.close();
    await up.close();
    await refuses(folder('client'), () => server('client').start());
    const log = await Log.open(folder('sending', 'peers', 'x'.repeat(22)));
    log.append(Uint8Array.of(2, 0, 0, 0, 0, 0, 0));
    await log.close();
    await refuses(folder('sending'), () => client('sending').connect());
  });

  it('that of a log of the program - neither end takes it; an empty one both do', async () => {
    const log = await Log.open(folder('own'));
    log.append(Buffer.from('{}'));
    await log.close();
    await refuses(folder('own'), () => client('own').backlog());
    await refuses(folder('own'), () => server('own').backlog());
    const empty = await Log.open(folder('empty'));
    await empty.close();
    expect(await server('empty').backlog()).to.deep.equal([]);
    await server('empty').close();
  });
});
