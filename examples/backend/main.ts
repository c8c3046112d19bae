import { mkdirSync } from 'node:fs';
import { shutdownOn } from 'busbar';
import { Fleet, type GroupOptions } from 'busbar/fleet';
import { argumentsOf } from '../program.ts';
import type { Offers } from './contract.ts';
import { at } from './member.ts';

// The hub of the back end, with its processes: starts them, and again those that end. What outlives them is in the folder.

const [folder] = argumentsOf('FOLDER');
mkdirSync(folder, { recursive: true });
const program = (name: string, options: GroupOptions = {}): GroupOptions => ({
  file: new URL(`${name}.js`, import.meta.url),
  args: [folder],
  ...options,
});
const fleet = new Fleet(
  {
    persistence: program('persistence'),
    matchmaker: program('matchmaker', { after: ['persistence'] }),
    rooms: program('rooms', { after: ['persistence'], count: 3 }),
    gateway: program('gateway', { after: ['matchmaker', 'rooms'] }),
  },
  at(folder, 'bus'),
);
fleet.on('up', ({ group, number, pid }) => console.log(`${group}-${number} is process ${pid}`));
fleet.on('down', ({ group, number }, reason, code, signal) => {
  console.log(`${group}-${number} is down: ${reason} (${signal ?? code})`);
});
fleet.services.provide('control', {
  keys: (service, memberId) => fleet.services.keys(service, memberId),
  rebalance: (service) => fleet.services.rebalance(service),
  restart: (group) => fleet.restart(group),
} satisfies Offers['control']);
shutdownOn(['SIGINT', 'SIGTERM'], fleet);
await fleet.start();
