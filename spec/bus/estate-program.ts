import process from 'node:process';
import { Server } from 'busbar';

/** A server in a process of its own that counts requests, and takes over what another one counted. */
const [path = '', how = '', open = ''] = process.argv.slice(2);
let count = 0;
const server = new Server({
  path,
  closeTimeoutMs: 3_000,
  ...(open === 'open' && { listenOptions: { writableAll: true } }),
});
server.handle(() => ({ pid: process.pid, count: ++count }));
server.onTakeover(() => {
  if (how === 'an error') throw Object.assign(new Error('Not now'), { code: 'E_BUSY' });
  if (how === 'no answer') return new Promise(() => {});
  if (how === 'too much') return Buffer.alloc(17 * 1_048_576);
  return { count, pid: process.pid };
});
server.on('close', () => process.disconnect?.());
process.on('disconnect', () => process.exit());
try {
  await server.start({ takeover: true });
  const inherited = server.inherited as { readonly count: number; readonly pid: number } | undefined;
  count = inherited?.count ?? 0;
  process.send?.({ inherited });
} catch (error) {
  const { code, message } = error as { code: string; message: string };
  process.send?.({ code, message });
}
