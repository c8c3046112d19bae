import process from 'node:process';
import { Fleet, type Groups } from '../../../lib/plugins/fleet/index.ts';
import { file } from './crew-world.ts';

/** A supervisor in a process of its own, that tells the processes that it has; or one whose process prints so many MiB. */
const [path = '', megabytes] = process.argv.slice(2);
const groups: Groups =
  megabytes === undefined
    ? {
        plain: { file, args: ['plain'], count: 2 },
        stubborn: { file, args: ['stubborn'], stopTimeoutMs: 1_000 },
        forks: { file, args: ['forks'] },
        behind: { file, args: ['prints'], after: ['plain'] },
      }
    : { floods: { file, args: ['floods', megabytes] } };
const fleet = new Fleet(groups, { path });
let said: unknown;
fleet.server.on('message', (message) => (said = message));
fleet.server.handle(() => [said, process.memoryUsage().rss]);
process.on('SIGTERM', () => void fleet.stop());
try {
  await fleet.start();
  if (megabytes === undefined)
    console.log(
      `pids ${fleet
        .status()
        .map(({ pid }) => pid)
        .join()}`,
    );
} catch (error) {
  console.log(`failed ${(error as { code?: string }).code} ${(error as Error).message}`);
}
