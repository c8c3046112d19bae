import { argumentsOf } from '../program.ts';
import type { Offers } from './contract.ts';
import { again, member } from './member.ts';

argumentsOf('FOLDER');
await member((mine) => {
  const store = mine.service<Offers['store']>('store').key('all');
  const audience = mine.service<Offers['audience']>('audience');
  mine.own('room', {
    async open(key, left, { epoch }) {
      const room = {
        // What its last owner left; where that one died, what is stored.
        lines: typeof left === 'number' ? left : await store.call.linesOf(key, again),
        async say(player: string, text: string): Promise<number> {
          const line = ++room.lines;
          await store.call.save(key, epoch, line, again);
          // All gateways, of which there are two while one follows the other.
          void audience.survey.tell(key, line, player, text).catch(() => {});
          return line;
        },
      };
      return room;
    },
    close: ({ lines }) => lines,
  });
});
