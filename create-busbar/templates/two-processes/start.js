import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

// Both processes in one terminal. Ctrl-C ends both, as it reaches both.
const children = ['server.js', 'client.js'].map((file) =>
  spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url))], { stdio: 'inherit' }),
);
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    for (const child of children) child.kill('SIGTERM');
  });
}
