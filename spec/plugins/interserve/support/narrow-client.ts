import process from 'node:process';
import { Client } from '../../../../lib/index.ts';
import { interserve } from '../../../../lib/plugins/interserve/index.ts';

// A client that receives `map` into a file, for a spec that gives its process little room for files.

const [port = '', path = ''] = process.argv.slice(2);
// Without a listener the signal ends the process; with one the write fails, as it does on a full disk.
process.on('SIGXFSZ', () => {});
const client = new Client({ host: '127.0.0.1', port: Number(port) });
const transfers = client.use(interserve());
transfers.receive('map', () => {}, { as: 'file', path });
transfers.failure('map', (code, reason) => void client.send({ code, reason }));
client.on('close', () => process.exit());
await client.connect();
