import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Server } from '../../lib/index.ts';
import { rejected } from '../support/buses.ts';
import { command } from '../support/command.ts';
import { root } from '../support/repository.ts';
import { fetchRuntime, sources } from '../support/runtimes.ts';

const isOld = process.versions.node.startsWith('20.');
const library = pathToFileURL(join(root, 'build/lib/index.js')).href;

describe('ports that two servers share', () => {
  it('where Node has no reusePort - is ERR_INVALID_OPTION that says so, and not a port in use', async function () {
    if (!isOld) this.skip();
    const server = new Server({ port: 0, listenOptions: { reusePort: true } });
    const { code, message } = await rejected(server.start());
    expect([code, message]).to.deep.equal([
      'ERR_INVALID_OPTION',
      `reusePort needs Node 22.12, 23.1 or newer, this is ${process.versions.node}`,
    ]);
  });

  it('a takeover of a port - is ERR_INVALID_OPTION that says what there is instead', async () => {
    const { code, message } = await rejected(new Server({ port: 0 }).start({ takeover: true }));
    expect(code).to.equal('ERR_INVALID_OPTION');
    expect(message).to.include('reusePort').and.to.include('fleet');
  });

  it('Node 24 - a client goes from the old server to the new one, and every request is answered', async function () {
    const source = sources.find(({ name }) => name === 'Node 24');
    const runtime = source && (await fetchRuntime(source, 20_000));
    if (runtime === undefined) this.skip();
    const program = `
      import { Client, Server } from ${JSON.stringify(library)};
      const serve = (port, name) => new Server({ port, listenOptions: { reusePort: true } }).handle(() => name).start();
      const old = await serve(0, 'old');
      const client = await new Client({ port: old.port }).connect();
      const next = await serve(old.port, 'new');
      const answers = new Set();
      const closed = old.close(true);
      for (let i = 0; i < 200; i++) answers.add(await client.request(i, { idempotent: true }));
      await closed;
      answers.add(await client.request(0));
      console.log([...answers].join());
      await client.close();
      await next.close();`;
    const { stdout, stderr } = await command(runtime.program, ['--input-type=module', '-e', program]);
    expect([stdout.trim(), stderr]).to.deep.equal(['old,new', '']);
  });
});
