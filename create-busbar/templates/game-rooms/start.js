import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

// All processes in one terminal. Ctrl-C ends them, as it reaches all.
const programs = [
  ['hub.js'],
  ['rooms.js', 'rooms-1'],
  ['rooms.js', 'rooms-2'],
  ['player.js', 'ann'],
  ['player.js', 'bob'],
];
const children = programs.map(([file = '', ...args]) =>
  spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url)), ...args], { stdio: 'inherit' }),
);
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    for (const child of children) child.kill('SIGTERM');
  });
}
