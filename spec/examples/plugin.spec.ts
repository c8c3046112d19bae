import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { uptime } from '../../examples/plugin/uptime.ts';
import { Client, Server } from 'busbar';
import { root } from '../support/repository.ts';

describe('example plugin', () => {
  it('uptime - the client asks, the server announces', async () => {
    await using server = new Server({ url: 'memory:uptime' });
    await using client = new Client({ url: 'memory:uptime' });
    const here = server.use(uptime);
    const there = client.use(uptime);
    await server.start();
    await client.connect();
    expect(await there.ask()).to.be.within(0, here.upMs);
    expect(there.announced).to.equal(undefined);
    await here.announce();
    await there.ask();
    expect(there.announced).to.be.within(0, here.upMs);
  });

  it('uptime - stands in the document as it is', () => {
    const document = readFileSync(join(root, 'docs/plugins.md'), 'utf8');
    const [, fence = ''] = document.split('<!-- example: examples/plugin/uptime.ts -->\n```ts\n');
    expect(fence.split('```')[0]).to.equal(readFileSync(join(root, 'examples/plugin/uptime.ts'), 'utf8'));
  });
});
