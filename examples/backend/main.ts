import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { argumentsOf } from '../program.ts';

// Starts the processes of the back end, and again those that end. What outlives them is in the folder.

const [folder] = argumentsOf('FOLDER');
const running = new Map<string, ChildProcess>();
let isEnding = false;
mkdirSync(folder, { recursive: true });
for (const name of ['gateway', 'persistence', 'matchmaker']) start(name, name);
for (const name of ['rooms-1', 'rooms-2', 'rooms-3']) start(name, 'rooms', name);
process.once('SIGINT', end).once('SIGTERM', end);

function start(name: string, program: string, ...args: string[]): void {
  if (isEnding) return;
  const child = fork(new URL(`${program}.js`, import.meta.url), [folder, ...args]);
  running.set(name, child);
  console.log(`${name} is process ${child.pid}`);
  child.once('exit', (code, signal) => {
    console.log(`${name} has ended (${signal ?? code})`);
    setTimeout(() => start(name, program, ...args), 100);
  });
}

function end(): void {
  isEnding = true;
  for (const child of running.values()) child.kill('SIGTERM');
}
