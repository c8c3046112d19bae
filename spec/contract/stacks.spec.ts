import { expect } from 'chai';
import { it } from 'mocha';
import type { Client, Connection, Server } from '../../lib/index.ts';
import { callOptions, proxy, remote } from '../../lib/plugins/rpc/index.ts';
import { contract, dialects, native, rejected } from '../support/buses.ts';

interface Ends {
  readonly server: Server;
  readonly client: Client;
  readonly connection: Connection;
}

const failure = Object.assign(new Error('there'), { code: 'ERR_THERE' });
const soon = { timeout: 5 };

const asked: Readonly<Record<string, readonly [code: string, ask: (ends: Ends) => Promise<unknown>]>> = {
  'a request whose handler fails': ['ERR_THERE', ({ client }) => client.request('fail')],
  'a request of a connection': ['ERR_THERE', ({ connection }) => connection.request('fail')],
  'a request that takes too long': ['ERR_TIMEOUT', ({ client }) => client.request('wait', soon)],
  'a request of a connection that takes too long': ['ERR_TIMEOUT', ({ connection }) => connection.request('wait', 5)],
  'a request that is aborted': [
    'ERR_ABORTED',
    ({ client }) => client.request('wait', { signal: AbortSignal.timeout(5) }),
  ],
};

const inSessions: typeof asked = {
  'a confirmed message': ['ERR_THERE', ({ client }) => client.send('fail', { confirm: true })],
  'a call whose method fails': ['ERR_THERE', ({ client }) => proxy<Methods>(client).fail()],
  'a call that takes too long': ['ERR_TIMEOUT', ({ client }) => proxy<Methods>(client).wait(callOptions(soon))],
};

interface Methods {
  fail(): Promise<void>;
  wait(): Promise<void>;
}

const methods = {
  fail(): void {
    throw failure;
  },
  wait: () => new Promise<void>(() => undefined),
};

for (const [what, cases, speaking] of [
  ['errors thrown to callers', asked, dialects],
  ['errors thrown to callers in sessions', inSessions, [native]],
] as const) {
  contract(
    what,
    (bus) => {
      for (const [name, [code, ask]] of Object.entries(cases)) {
        it(`${name} - the stack names the lines that await it`, async () => {
          const { server, client, connection } = await bus().pair();
          const handle = (data: unknown): unknown => (data === 'fail' ? methods.fail() : methods.wait());
          server.handle(handle).on('message', handle);
          client.handle(handle);
          remote(server, methods);
          const askHere = async (): Promise<void> => {
            await ask({ server, client, connection });
          };
          const callIt = async (): Promise<void> => {
            await askHere();
          };
          const error = await rejected(callIt());
          expect(error.code).to.equal(code);
          expect(error.stack).to.match(/ at async askHere \(.*\n.* at async callIt \(/);
          bus().takeErrors();
        });
      }
    },
    { on: ['memory', 'unix'], speaking },
  );
}
