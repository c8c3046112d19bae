import process from 'node:process';
import { Log } from '../../../lib/plugins/journal/index.ts';

// Writes numbers to the log of a folder, and prints each one that is acknowledged, until it is killed.

const log = await Log.open(process.argv[2] ?? '', { maxBytes: 1_048_576 });
let number = log.last;
for (;;) {
  for (let count = 1 + (number % 50); count > 0; count--) {
    number += 1;
    if (log.append(Buffer.from(`${number} ${'x'.repeat(number % 300)}`)) === undefined) {
      number -= 1;
      break;
    }
  }
  await log.pending;
  log.keepFrom(log.written - 1_000);
  process.stdout.write(`${log.written}\n`);
}
