import { expect } from 'chai';
import { afterEach, beforeEach, it } from 'mocha';
import type { RemoteSocket } from 'socket.io';
import { contract, native, next, until } from '../../support/buses.ts';
import { type Arrangement, countIn, Nodes } from './nodes.ts';

/** Long enough for any answer; timers of socket.io for acknowledgements run to their end. */
const ackMs = 2_000;

for (const arrangement of ['the hub and two clients', 'three clients'] satisfies Arrangement[]) {
  contract(
    `socket.io of ${arrangement}`,
    (bus) => {
      let nodes: Nodes;
      beforeEach(async () => {
        nodes = await Nodes.open(bus(), arrangement);
      });
      afterEach(() => nodes.close());

      it('emit - reaches the clients of all nodes, with text, numbers and bytes', async () => {
        const got = nodes.all.map(({ page }) => next(page, 'event'));
        nodes.at(0).io.emit('event', 1, 'two', Buffer.from([3, 4]), { five: [6] });
        for (const args of await Promise.all(got)) {
          expect(args).to.deep.equal([1, 'two', Buffer.from([3, 4]), { five: [6] }]);
        }
      });

      it('emit - in a namespace reaches its clients at all nodes, and nobody of another', async () => {
        for (const { io } of nodes.all) io.of('/other');
        await nodes.countEachOther('/other');
        const pages = nodes.all.map(({ page }) => page.io.socket('/other'));
        await Promise.all(pages.map((page) => next(page, 'connect')));
        const got = Promise.all(pages.map((page) => next(page, 'event')));
        const others = await nodes.whoGets('event', () => nodes.at(0).io.of('/other').emit('event', 'x'));
        expect(await got).to.deep.equal([['x'], ['x'], ['x']]);
        expect(others).to.deep.equal([]);
        for (const page of pages) page.disconnect();
      });

      it('emit - to a room, without one, of this node alone and from one socket reaches whom it is for', async () => {
        const [first, second] = [nodes.at(0), nodes.at(1)];
        await second.socket.join('room');
        expect(await nodes.whoGets('a', () => first.io.to('room').emit('a'))).to.deep.equal([1]);
        expect(await nodes.whoGets('b', () => first.io.except('room').emit('b'))).to.deep.equal([0, 2]);
        expect(await nodes.whoGets('c', () => first.io.local.emit('c'))).to.deep.equal([0]);
        expect(await nodes.whoGets('d', () => first.socket.broadcast.emit('d'))).to.deep.equal([1, 2]);
        expect(await nodes.whoGets('e', () => first.io.volatile.compress(false).emit('e'))).to.deep.equal([0, 1, 2]);
        expect(await nodes.whoGets('f', () => first.io.to('nobody').emit('f'))).to.deep.equal([]);
      });

      it('acknowledgements - of all clients, with bytes, of none, of one here and of one elsewhere come to who asked', async () => {
        for (const [place, { page }] of nodes.all.entries()) {
          page.on('number', (done) => done(place + 1));
          page.on('bytes', (done) => done(Buffer.from([place])));
        }
        const { io } = nodes.at(0);
        const { socket } = nodes.at(1);
        const [remote] = (await io.in(socket.id).fetchSockets()) as [RemoteSocket<never, unknown>];
        const answers: unknown[] = await Promise.all([
          io.timeout(ackMs).emitWithAck('number'),
          io.timeout(ackMs).emitWithAck('bytes'),
          io.to('nobody').timeout(ackMs).emitWithAck('number'),
          socket.emitWithAck('number'),
          (remote.timeout(ackMs) as unknown as { emitWithAck(event: string): Promise<unknown> }).emitWithAck('number'),
        ]);
        const [numbers, bytes] = answers as [number[], Buffer[]];
        expect(numbers.toSorted()).to.deep.equal([1, 2, 3]);
        expect(bytes.map((one) => Buffer.isBuffer(one) && one[0]).toSorted()).to.deep.equal([0, 1, 2]);
        expect(answers.slice(2)).to.deep.equal([[], 2, 2]);
      });

      it('socketsJoin - has all sockets, those of a room, or one enter a room', async () => {
        const { io } = nodes.at(0);
        io.socketsJoin('all');
        await nodes.barrier();
        expect(nodes.in('all')).to.deep.equal([0, 1, 2]);
        await nodes.at(0).socket.join('some');
        await nodes.at(2).socket.join('some');
        io.in('some').socketsJoin(['theirs', 'too']);
        io.in(nodes.at(1).socket.id).socketsJoin('its');
        await nodes.barrier();
        expect(['theirs', 'too', 'its'].map((room) => nodes.in(room))).to.deep.equal([[0, 2], [0, 2], [1]]);
      });

      it('socketsLeave - has all sockets, those of a room, or one leave a room', async () => {
        const { io } = nodes.at(0);
        for (const { socket } of nodes.all) await socket.join(['all', 'part', 'own']);
        await nodes.at(0).socket.join('some');
        await nodes.at(1).socket.join('some');
        io.socketsLeave('all');
        io.in('some').socketsLeave('part');
        io.in(nodes.at(1).socket.id).socketsLeave('own');
        await nodes.barrier();
        expect(['all', 'part', 'own'].map((room) => nodes.in(room))).to.deep.equal([[], [2], [0, 2]]);
      });

      it('disconnectSockets - disconnects all, after what was emitted before', async () => {
        const said = nodes.all.map(({ page }) => {
          const words: string[] = [];
          page.on('bye', () => words.push('bye'));
          return next(page, 'disconnect').then(([reason]) => [...words, reason]);
        });
        nodes.at(0).io.emit('bye');
        nodes.at(0).io.disconnectSockets(true);
        const all = await Promise.all(said);
        expect(all).to.deep.equal(all.map(() => ['bye', 'io server disconnect']));
      });

      it('disconnectSockets - of a room leaves the others connected', async () => {
        await nodes.at(2).socket.join('room');
        const gone = next(nodes.at(2).page, 'disconnect');
        nodes.at(0).io.in('room').disconnectSockets();
        await gone;
        expect(nodes.all.map(({ page }) => page.connected)).to.deep.equal([true, true, false]);
      });

      it('fetchSockets - finds all sockets, one with what there is to know of it, and those of this node', async () => {
        const { io } = nodes.at(0);
        const { socket } = nodes.at(1);
        socket.data = { name: 'ann', bytes: Buffer.from([1]), since: new Date(5) };
        const ids = nodes.all.map((node) => node.socket.id);
        expect((await io.fetchSockets()).map(({ id }) => id).toSorted()).to.deep.equal(ids.toSorted());
        const [remote, ...more] = await io.in(socket.id).fetchSockets();
        expect(more).to.deep.equal([]);
        expect(JSON.stringify(remote?.handshake)).to.equal(JSON.stringify(socket.handshake));
        expect(remote?.data).to.deep.equal(socket.data);
        expect(remote?.rooms).to.deep.equal(new Set([socket.id]));
        expect((await io.local.fetchSockets()).map(({ id }) => id)).to.deep.equal([nodes.at(0).socket.id]);
      });

      it('serverSideEmit - reaches the servers of the other nodes and not its own', async () => {
        const heard: unknown[] = [];
        for (const [place, { io }] of nodes.all.entries()) io.on('hello', (...args) => heard.push([place, ...args]));
        nodes.at(0).io.serverSideEmit('hello', 'world', 1, Buffer.from([2]));
        await nodes.barrier();
        expect(heard).to.have.deep.members([1, 2].map((place) => [place, 'world', 1, Buffer.from([2])]));
      });

      it('serverSideEmit - brings one answer of each other node, and those of the rest when one leaves', async () => {
        const { io } = nodes.at(0);
        nodes.at(1).io.on('ask', (done: (value: unknown) => void) => {
          done('first');
          done('again');
        });
        nodes.at(2).io.on('ask', (done: (value: unknown) => void) => done({ second: 2 }));
        expect(await io.serverSideEmitWithAck('ask')).to.have.deep.members(['first', { second: 2 }]);
        nodes.at(1).io.on('leave', (done: (value: unknown) => void) => done('here'));
        nodes.at(2).io.on('leave', () => nodes.at(2).io.of('/').adapter.close());
        expect(await io.serverSideEmitWithAck('leave')).to.deep.equal(['here']);
        expect(await countIn(io)).to.equal(2);
      });

      it('nodes - whose listener throws are told of it, and keep nothing from the others', async () => {
        for (const place of [1, 2]) {
          nodes.at(place).io.on('bad', () => {
            throw new TypeError('a mistake');
          });
        }
        nodes.at(0).io.serverSideEmit('bad');
        await nodes.barrier();
        await until(() => bus().errors.length === 2);
        expect(bus().errors.map(({ message }) => message)).to.deep.equal(['a mistake', 'a mistake']);
        bus().takeErrors();
        expect(await nodes.whoGets('event', () => nodes.at(0).io.emit('event'))).to.deep.equal([0, 1, 2]);
      });
    },
    { on: ['unix'], speaking: [native] },
  );
}
