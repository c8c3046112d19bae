import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { expect } from 'chai';
import { it } from 'mocha';
import { command } from '../support/command.ts';
import { root } from '../support/repository.ts';
import { contract, json, type Kind, native } from '../support/buses.ts';

const busbar = pathToFileURL(join(root, 'dist/index.js')).href;

/** Calls that nobody answers, and what they end with. */
const calls = {
  'client.request': ['client.request(1, { timeout: 150 })', 'ERR_TIMEOUT'],
  'connection.request': ['connection.request(1, { timeout: 150 })', 'ERR_TIMEOUT'],
  'server.survey': ['server.survey(1, { timeout: 150 }).then(([{ reason }]) => Promise.reject(reason))', 'ERR_TIMEOUT'],
  'client.connect': ['new Client({ ...away, retries: 1, maxRetryTime: 100, random }).connect()', 'ERR_CONNECT'],
} as const;

contract(
  'the process',
  (bus, { client }, kind) => {
    const run = async (script: string): Promise<string> => {
      const path = JSON.stringify(bus().path);
      const addresses: Partial<Record<Kind, string>> = {
        memory: "{ url: 'memory:exit' }",
        unix: `{ path: ${path} }`,
        tcp: '{ port: 0 }',
      };
      const address = addresses[kind];
      const away: Partial<Record<Kind, string>> = {
        memory: "{ url: 'memory:away' }",
        unix: `{ path: ${path} + '.away' }`,
        tcp: '{ port: 1 }',
      };
      const text = `
        const { Client, Server } = await import(${JSON.stringify(busbar)});
        const away = ${away[kind]};
        const random = { unit: () => 0, bytes: (count) => new Uint8Array(count) };
        const server = new Server(${address});
        await server.start();
        const where = server.port === undefined ? ${address} : { port: server.port };
        const client = await new Client({ ...where, ...${JSON.stringify(client)} }).connect();
        const [connection] = server.connections.values();
        ${script}`;
      const { code, stdout, stderr } = await command(process.execPath, ['--input-type=module', '-e', text]);
      return `${stdout.trim()} ${code}${stderr}`;
    };

    for (const [name, [call, code]] of Object.entries(calls)) {
      it(`stays for ${name} until its time is over`, async () => {
        const script = `
          server.handle(() => new Promise(() => {}));
          client.handle(() => new Promise(() => {}));
          console.log(await ${call}.catch(({ code }) => code));
          process.exit();`;
        expect(await run(script)).to.equal(`${code} 0`);
      });
    }

    it('ends when nothing is asked any more and both ends are closed, however long the time was', async () => {
      const script = `
        server.handle((text) => text);
        const begun = performance.now();
        process.on('exit', () => console.log(performance.now() - begun < 20_000 ? 'ended' : 'ended late'));
        await client.request(1, { timeout: 30_000 });
        if (${kind !== 'memory'}) await Promise.all([client.close(), server.close()]);`;
      expect(await run(script)).to.equal('ended 0');
    });
  },
  { on: ['memory', 'unix', 'tcp'], speaking: [native, json] },
);
