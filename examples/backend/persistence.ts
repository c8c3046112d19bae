import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { argumentsOf } from '../program.ts';
import type { Offers } from './contract.ts';
import { member } from './member.ts';

// Where others have a data base: one file, the old one or the new one whenever this process is killed. It is in the hands of
// whoever owns the one key that there is, so that two processes never write it.
const [folder] = argumentsOf('FOLDER');
const file = join(folder, 'store.json');
type Kept = { readonly seats: string[]; readonly rooms: Record<string, { epoch: number; lines: number }> };

await member((mine) => {
  mine.own('store', { open: openStore, close: () => undefined });
});

function openStore(): Offers['store'] {
  const kept = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Kept) : { seats: [], rooms: {} };
  const keep = (change: () => unknown): void => {
    change();
    writeFileSync(`${file}.new`, JSON.stringify(kept));
    renameSync(`${file}.new`, file);
  };
  return {
    seatOf(name) {
      if (!kept.seats.includes(name)) keep(() => kept.seats.push(name));
      return kept.seats.indexOf(name);
    },
    linesOf: (room) => kept.rooms[room]?.lines ?? 0,
    save(room, epoch, lines) {
      const known = kept.rooms[room] ?? { epoch, lines: 0 };
      // An owner that was thought dead, and is not.
      if (epoch < known.epoch) throw Object.assign(new Error(`${room} has another owner`), { code: 'E_OUTDATED' });
      // What is asked again may come behind what was asked later.
      keep(() => (kept.rooms[room] = { epoch, lines: epoch > known.epoch ? lines : Math.max(lines, known.lines) }));
    },
  };
}
