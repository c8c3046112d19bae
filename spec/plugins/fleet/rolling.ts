import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { callOptions } from '../../../lib/plugins/rpc/index.ts';
import { sleep } from '../../support/buses.ts';
import { CrewWorld } from './crew-world.ts';
import type { Driver, Load } from './load-program.ts';

const file = fileURLToPath(new URL('./load-program.js', import.meta.url));

/** What rolling restarts under load came to. */
export interface Rolled {
  readonly load: Load;
  /** What each call took before the restarts, and meanwhile, in order. */
  readonly calm: readonly number[];
  readonly rolling: readonly number[];
  readonly tookMs: number;
}

/** Restarts `count` processes so many times while they are called, and sees that nothing was lost, failed or came twice. */
export async function roll(
  rounds: number,
  count: number,
  messagesPerMs: number,
  requestsPerSecond: number,
  calmMs: number,
): Promise<Rolled> {
  const world = new CrewWorld((folder) => ({
    work: { file, args: ['worker', folder], count, stopTimeoutMs: 20_000 },
    driver: { file, args: ['driver'], after: ['work'] },
  }));
  try {
    const { crew, hub } = await world.start();
    const driver = hub.service<Driver>('driver').call;
    await driver.begin(messagesPerMs, requestsPerSecond);
    await sleep(calmMs);
    const calm = await driver.times();
    const begunAt = performance.now();
    for (let round = 0; round < rounds; round++) await crew.restart('work');
    const tookMs = performance.now() - begunAt;
    const rolling = await driver.times();
    const load = await driver.stop(callOptions({ timeout: 60_000 }));
    await crew.stop();
    expect(world.lines).to.deep.equal([]);
    expect(load).to.deep.include({ wrong: 0, failed: [] });
    expect([load.messages > 0, load.answered]).to.deep.equal([true, load.requests]);
    const told = new Uint8Array(load.messages);
    const notes = readdirSync(world.folder).filter((name) => name.startsWith('told-'));
    for (const name of notes) {
      const { buffer, byteOffset, length } = readFileSync(join(world.folder, name));
      for (const number of new Uint32Array(buffer.slice(byteOffset, byteOffset + length)))
        told[number] = (told[number] ?? 0) + 1;
    }
    expect({
      lost: told.filter((times) => times === 0).length,
      twice: told.filter((times) => times > 1).length,
    }).to.deep.equal({ lost: 0, twice: 0 });
    expect(notes.length).to.equal((rounds + 1) * count);
    const ends = world.told.filter((line) => line.startsWith('down work'));
    const inOrder = ends.filter((line) => line.endsWith('restarted 0 null') || line.endsWith('stopped 0 null'));
    expect([ends.length, inOrder.length]).to.deep.equal([(rounds + 1) * count, (rounds + 1) * count]);
    return { load, calm, rolling, tookMs };
  } finally {
    await world.end();
  }
}
