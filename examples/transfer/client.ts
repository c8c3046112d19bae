import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import process from 'node:process';
import { pipeline } from 'node:stream/promises';
import { Client } from '../../lib/index.ts';
import { argumentsOf } from '../program.ts';
import { interserve } from '../../lib/plugins/interserve/index.ts';

// A player: connects, takes the map into a file, and reads that file again to say what really lies on the disk.

const [port, path] = argumentsOf('PORT', 'FILE');
const client = new Client({ host: '127.0.0.1', port });
const transfers = client.use(interserve());
transfers.receive('map', () => {}, { as: 'file', path });
client.handle(async () => {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
});
client.on('close', () => process.exit());
await client.connect();
