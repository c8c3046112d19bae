import { expect } from 'chai';
import { it } from 'mocha';
import { contract, next, until } from '../support/buses.ts';

const messages = 3_000;

contract('a peer that floods', (bus) => {
  it('leaves others their turns of the event loop, and its messages stay in order', async () => {
    const { server, client, connection } = await bus().pair();
    for (const end of ['server', 'client'] as const) {
      const sender = end === 'server' ? client : connection;
      const got: unknown[] = [];
      const inTurns = new Set<number>();
      let turns = 0;
      let going = true;
      const count = (): void => {
        turns += 1;
        if (going) setImmediate(count);
      };
      const listener = (message: unknown): void => {
        got.push(message);
        inTurns.add(turns);
        for (const until = performance.now() + 0.03; performance.now() < until; );
      };
      if (end === 'server') server.on('message', listener);
      else client.on('message', listener);
      const sent = Array.from({ length: messages }, (_, at) => at);
      count();
      for (const message of sent) void sender.send(message);
      await until(() => got.length === messages);
      going = false;
      expect(got).to.deep.equal(sent);
      // 90 ms of work; the time is looked at after each 256 messages.
      expect(inTurns.size).to.be.at.least(3);
    }
  });

  it('that goes right after it - is heard to its end before it is gone', async () => {
    const { server, client } = await bus().pair();
    const events: unknown[] = [];
    server.on('message', (message) => {
      events.push(message);
      for (const until = performance.now() + 0.01; performance.now() < until; );
    });
    server.on('disconnect', () => events.push('gone'));
    const gone = next(server, 'disconnect');
    for (let at = 0; at < messages; at++) void client.send(at);
    await client.close();
    await gone;
    expect(events.slice(0, -1)).to.deep.equal(Array.from({ length: messages }, (_, at) => at));
    expect(events.at(-1)).to.equal('gone');
  });
});
