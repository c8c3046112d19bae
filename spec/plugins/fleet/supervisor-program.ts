import process from 'node:process';
import { Fleet } from '../../../lib/plugins/fleet/index.ts';
import { file } from './crew-world.ts';

/** A supervisor in a process of its own, that tells the processes that it has. */
const [path = ''] = process.argv.slice(2);
const fleet = new Fleet(
  {
    plain: { file, args: ['plain'], count: 2 },
    stubborn: { file, args: ['stubborn'] },
    forks: { file, args: ['forks'] },
    behind: { file, args: ['prints'], after: ['plain'] },
  },
  { path },
);
process.on('SIGTERM', () => void fleet.stop());
try {
  await fleet.start();
  console.log(
    `pids ${fleet
      .status()
      .map(({ pid }) => pid)
      .join()}`,
  );
} catch (error) {
  console.log(`failed ${(error as { code?: string }).code} ${(error as Error).message}`);
}
