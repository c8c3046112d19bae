import { Server, type ServerOptions } from 'busbar';
import { Tally } from '../tally.ts';

/**
 * A server that takes the path over from the one before it, and ends when the next one does the same: then it says what
 * it took of each sender.
 */
const { options } = JSON.parse(process.argv[2] ?? '{}') as { readonly options: ServerOptions };
const server = new Server(options);
const senders = new Map<number, Tally>();
const errors: string[] = [];

server.on('error', ({ code }) => errors.push(code));
server.on('message', (data) => {
  const { sender, number } = data as { sender: number; number: number };
  let tally = senders.get(sender);
  if (tally === undefined) {
    tally = new Tally(number);
    senders.set(sender, tally);
  }
  tally.note(number);
});
server.handle((data) => data);
server.on('close', () => {
  const told = [...senders].map(([sender, { last, figures }]) => ({ sender, last, ...figures }));
  process.send?.({ told, errors }, () => process.disconnect());
});
process.on('message', () => void server.close());
process.on('disconnect', () => process.exit());
await server.start({ takeover: true });
process.send?.({ ready: true });
