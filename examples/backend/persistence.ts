import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { argumentsOf } from '../program.ts';
import type { Offers } from './contract.ts';
import { member } from './member.ts';

// Where others have a data base: one file, the old one or the new one whenever this process is killed.
const [folder] = argumentsOf('FOLDER');
const file = join(folder, 'store.json');
type Kept = { readonly seats: string[]; readonly rooms: Record<string, { epoch: number; lines: number }> };
const kept = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Kept) : { seats: [], rooms: {} };

const store: Offers['store'] = {
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
await member(folder, 'persistence', (mine) => mine.provide('store', store));

function keep(change: () => unknown): void {
  change();
  writeFileSync(`${file}.new`, JSON.stringify(kept));
  renameSync(`${file}.new`, file);
}
