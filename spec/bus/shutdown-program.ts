import { createServer } from 'node:http';
import { Server, shutdownOn } from 'busbar';

/** A process that goes down by signals; how is its first argument, the second one the path of its server. */
const [mode, path = ''] = process.argv.slice(2);
const say = (word: string): unknown => process.send?.(word);
const server = await new Server({ path, closeTimeoutMs: 2_000 }).start();
server.on('close', () => say('server closed'));
const signals = ['SIGINT', 'SIGTERM'] as const;
const never = (): Promise<void> => new Promise(() => {});
const last = (): unknown => say('last');

switch (mode) {
  case 'plain':
  case 'reload': {
    const http = createServer().listen(0, '127.0.0.1');
    http.on('close', () => say('http closed'));
    shutdownOn(signals, http, { close: () => Promise.resolve(say('closable')) }, server, last, {
      reload: mode === 'reload',
    });
    break;
  }
  case 'fails':
    shutdownOn(signals, () => Promise.reject(new Error('no')), server, last);
    break;
  case 'late':
    shutdownOn('SIGTERM', server, never, last, { deadlineMs: 300 });
    break;
  case 'hangs':
    shutdownOn(signals, () => say('closing'), never, { deadlineMs: 60_000 });
    break;
  default:
    shutdownOn(signals, last)();
    process.once('SIGTERM', () => process.exit(9));
}
say('up');
setInterval(() => {}, 60_000);
