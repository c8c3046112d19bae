import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Client } from '../../lib/index.ts';
import { sleep } from '../support/buses.ts';
import { figure } from './figures.ts';
import { Stage } from './process.ts';

const mebibyte = 1_048_576;
const inMiB = (bytes: number): number => Math.round((bytes / mebibyte) * 10) / 10;

interface Told {
  readonly taken: number;
  readonly lost: number;
  readonly doubled: number;
  readonly outOfOrder: number;
  readonly heldBytes: number;
}

describe('memory under load', () => {
  let stage: Stage;

  beforeEach(() => {
    stage = new Stage();
  });

  afterEach(() => stage.close());

  async function broadcastBesideStopped(
    row: string,
    nodeOptions: readonly string[],
  ): Promise<{ residentBytes: number }> {
    const path = stage.path('s');
    const options = { path, slowConsumer: 'disconnect', slowConsumerMs: 5_000, heartbeatIntervalMs: 0 };
    const server = await stage.program('server', { options }, nodeOptions);
    const healthy = await stage.program('client', { options: { path } });
    const stalled = await stage.program('client', { options: { path } });
    stalled.stop();
    const { grownBytes, residentBytes, residentAtSlowBytes, slow, gone, ms } = await server.ask<{
      grownBytes: number;
      residentBytes: number;
      residentAtSlowBytes: number;
      slow: number[];
      gone: unknown[];
      ms: number;
    }>({ ask: 'broadcast', count: 200_000, bytes: 1_000 });
    const { taken, lost, doubled, outOfOrder } = await healthy.ask<Told>({ ask: 'tally' });
    figure(row, {
      heldMiB: inMiB(grownBytes),
      residentMiB: inMiB(residentBytes),
      residentAtSlowMiB: inMiB(residentAtSlowBytes),
      healthy: taken - 1,
      slowAfterMs: slow[0] ?? -1,
      ms,
    });
    expect({ taken, lost, doubled, outOfOrder }).to.deep.equal({ taken: 200_001, lost: 0, doubled: 0, outOfOrder: 0 });
    expect(slow).to.have.length(1);
    expect(gone).to.deep.equal(['slow consumer']);
    expect(grownBytes).to.be.at.most(24 * mebibyte);
    expect(residentAtSlowBytes).to.be.at.most(24 * mebibyte);
    return { residentBytes };
  }

  it('200,000 broadcasts, one client stopped - it is given up with an event, the other gets all, memory stays', async () => {
    await broadcastBesideStopped('15', []);
  });

  it('the same with a young generation of 1 MiB - the whole process stays within the limit', async () => {
    const { residentBytes } = await broadcastBesideStopped('15, young generation of 1 MiB', [
      '--max-semi-space-size=1',
    ]);
    // It was 24.9 MiB once on a busy machine, where both clients take turns with other work.
    expect(residentBytes).to.be.at.most(32 * mebibyte);
  });

  it('300,000 sends while nobody listens - wait or are refused, and memory stays within its limit', async () => {
    const path = stage.path('s');
    const server = await stage.program('server', { options: { path } });
    const client = await stage.program('client', { options: { path } });
    await server.kill();
    const { accepted, refused, other, waiting, grownBytes, residentBytes } = await client.ask<{
      accepted: number;
      refused: number;
      other: string[];
      waiting: number;
      grownBytes: number;
      residentBytes: number;
    }>({ ask: 'outage', count: 300_000, bytes: 100 });
    figure('16', {
      sent: 300_000,
      accepted,
      waiting,
      refused,
      heldMiB: inMiB(grownBytes),
      residentMiB: inMiB(residentBytes),
    });
    expect(other).to.deep.equal([]);
    expect(refused).to.be.above(200_000);
    expect(grownBytes).to.be.at.most(24 * mebibyte);
  });

  it('a pause - nothing arrives meanwhile, memory stays, 10,000 arrive in order after it', async () => {
    const path = stage.path('s');
    const server = await stage.program('server', { options: { path } });
    const client = await new Client({ path }).connect();
    await client.request('ready');
    const before = await server.ask<Told>({ ask: 'tally' });
    await server.ask({ ask: 'pause' });
    for (let number = 0; number < 10_000; number++) void client.send({ number, text: 'x'.repeat(1_000) });
    await sleep(200);
    const paused = await server.ask<Told>({ ask: 'tally' });
    await server.ask({ ask: 'resume' });
    await client.flush();
    const after = await server.ask<Told>({ ask: 'tally' });
    const grownBytes = paused.heldBytes - before.heldBytes;
    figure('24', {
      whilePaused: paused.taken,
      after: after.taken,
      outOfOrder: after.outOfOrder,
      heldMiB: inMiB(grownBytes),
    });
    expect(paused.taken).to.equal(0);
    expect({
      taken: after.taken,
      lost: after.lost,
      doubled: after.doubled,
      outOfOrder: after.outOfOrder,
    }).to.deep.equal({
      taken: 10_000,
      lost: 0,
      doubled: 0,
      outOfOrder: 0,
    });
    expect(grownBytes).to.be.at.most(24 * mebibyte);
    client.destroy();
  });
});
