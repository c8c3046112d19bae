import process from 'node:process';
import { Client } from 'busbar';

/** A client in a process of its own, of the user that it is told, which says what became of its connect(). */
const [path = '', uid = '0', payload = ''] = process.argv.slice(2);
if (uid !== String(process.getuid?.())) {
  process.setgroups?.([]);
  process.setgid?.(Number(uid));
  process.setuid?.(Number(uid));
}
const client = new Client({ path, retries: 0 });
client.on('close', () => process.exit());
await client.connect(payload).then(
  () => process.send?.('connected'),
  ({ code, message }: { code: string; message: string }) => process.send?.(`${code} ${message}`),
);
process.on('disconnect', () => process.exit());
