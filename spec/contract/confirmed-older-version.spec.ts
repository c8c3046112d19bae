import { createServer, connect, type Socket } from 'node:net';
import { expect } from 'chai';
import { it } from 'mocha';
import { contract, native, rejected } from '../support/buses.ts';

contract(
  'confirmed messages and an older version',
  (bus) => {
    /** Passes on what both say, with the feature under a name that nobody knows. */
    async function oldRelay(path: string): Promise<{ path: string; close: () => void }> {
      const sockets: Socket[] = [];
      const relay = createServer((here) => {
        const there = connect(path);
        sockets.push(here, there);
        for (const [from, to] of [
          [here, there],
          [there, here],
        ] as const) {
          from.once('data', (hello) => {
            to.write(Buffer.from(hello.toString('latin1').replace('"handled"', '"hemmled"'), 'latin1'));
            from.pipe(to);
          });
          from.on('error', () => {}).on('close', () => to.destroy());
        }
      });
      const relayed = `${path}-old`;
      await new Promise<void>((resolve) => relay.listen(relayed, resolve));
      const close = (): void => {
        for (const socket of sockets) socket.destroy();
        relay.close();
      };
      return { path: relayed, close };
    }

    it('are confirmed at the acknowledgement, with a timeout and a signal all the same', async () => {
      const server = await bus().server();
      const { path, close } = await oldRelay(bus().path);
      try {
        const client = await bus().client({ path, reconnect: false });
        let open = (): void => {};
        const opened = new Promise<void>((resolve) => (open = resolve));
        await client.send('nobody listens', { confirm: true });
        server.on('message', () => opened);
        await client.send('order', { confirm: true });
        await server.connections[0]!.send('nobody listens', { confirm: true });
        open();
        server.pause();
        expect((await rejected(client.send('held', { confirm: true, timeout: 30 }))).code).to.equal('ERR_TIMEOUT');
        server.resume();
        await client.flush();
        expect(client.lateResponses).to.equal(0);
        await client.close();
      } finally {
        close();
      }
    });
  },
  { on: ['unix'], speaking: [native] },
);
