import { listen } from '../../lib/transport/listen.ts';
import { PathLock } from '../../lib/transport/path-lock.ts';

/**
 * A process that listens on a socket path, for the specs: says `listening` or the code of the refusal, answers each
 * link with its own pid, and says `replaced` and `closed` in case of a takeover. In mode `hold` it takes the lock and keeps it.
 */
const [mode, path = ''] = process.argv.slice(2);

async function main(): Promise<void> {
  if (mode === 'hold') {
    await PathLock.take(path, 1_000, () => Promise.resolve());
    process.send?.('holding');
    setInterval(() => {}, 60_000);
    return;
  }
  try {
    const listener = await listen(
      { kind: 'unix', path },
      { takeover: mode === 'takeover', listenOptions: mode === 'small' ? { backlog: 2 } : {} },
      {
        link: (link) => {
          link.attach({ data: () => {}, drain: () => {}, close: () => {} });
          link.write(Buffer.from(`${process.pid}\n`));
          link.end();
        },
        error: (error) => process.send?.(`error ${error.message}`),
        mayRelease: () => false,
        replaced: () => {
          process.send?.('replaced');
          listener.server?.once('close', () => {
            process.send?.('closed');
            process.disconnect();
          });
        },
      },
    );
    process.on('message', () => {
      void listener.close().then(() => process.disconnect());
    });
    process.send?.('listening');
  } catch (error) {
    process.send?.(error instanceof Error && 'code' in error ? error.code : String(error));
    process.disconnect();
  }
}

void main();
