import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import type { Connection } from '../../../lib/index.ts';
import { BareBus, content } from './support/bare-bus.ts';
import type { BareClient } from './support/bare-client.ts';
import { curl, hasCurl } from './support/curl.ts';
import { reasonOf, type TransferBus } from './support/transfer-bus.ts';

describe('interserve over HTTP, time and load', () => {
  let rig: BareBus;
  let bus: TransferBus;
  let bare: BareClient;
  let peer: Connection;

  async function start(...args: Parameters<typeof BareBus.start>): Promise<void> {
    rig = await BareBus.start(...args);
    ({ bus, bare, peer } = rig);
  }

  before(function () {
    if (!hasCurl) this.skip();
  });
  beforeEach(() => start());
  afterEach(async () => {
    await bus.close();
    expect(bus.errors).to.deep.equal([]);
  });

  it('an offer nobody comes for - expires, and both sides are told', async () => {
    await bus.close();
    await start({ timeout: 1 });
    const { handle, url, key, offer } = await rig.offered();
    expect(await reasonOf(handle.receipt)).to.equal('expired');
    expect(await bare.next('stop', offer.transfer)).to.include({ reason: 'expired' });
    expect((await curl(url, key)).status).to.equal(410);
  });

  it('a body that never comes - is answered 408 and leaves nothing', async () => {
    await bus.close();
    await start({ timeout: 1 });
    bus.transfers.receive('map', () => {});
    const { url, key, answer } = await rig.granted(1);
    const socket = connect(bus.port, '127.0.0.1');
    socket.write(
      `PUT ${new URL(url).pathname} HTTP/1.1\r\nHost: x\r\n${key[1]}\r\nContent-Length: ${content.length}\r\n\r\nx`,
    );
    expect(await text(socket)).to.match(/^HTTP\/1\.1 408 /);
    expect(await answer).to.include({ ok: false, reason: 'stalled' });
    expect(bus.records.map(({ outcome }) => outcome)).to.deep.equal(['stalled']);
  });

  it('headers - too large are answered 431, and malformed ones 400', async () => {
    const { url, key } = await rig.offered();
    expect((await curl(url, ['-H', `X-Long: ${'x'.repeat(20_000)}`, ...key])).status).to.equal(431);
    const socket = connect(bus.port, '127.0.0.1');
    socket.end('GET\0/ HTTP/9\r\n\r\n');
    expect(await text(socket)).to.match(/^HTTP\/1\.1 400 /);
  });

  it('more than may wait - is refused with 429', async () => {
    await bus.close();
    await start({ waiting: 300_000 });
    const first = await rig.offered();
    expect(await reasonOf(bus.transfers.send('map', content, peer).receipt)).to.equal('busy');
    bus.transfers.receive('map', () => {});
    expect(await bare.ask(1, 'map', 200_000).answer).to.include({ ok: false, reason: 'busy' });
    first.handle.abort();
    await reasonOf(first.handle.receipt);
    await new Promise(setImmediate);
    await rig.offered();
  });

  it('more than move at once - wait for their turn', async () => {
    await bus.close();
    await start({ transfers: 1 });
    const first = await rig.offered();
    const second = bus.transfers.send('map', content, peer);
    const next = bare.offer();
    expect(await Promise.race([next, bus.transfers.send('map', 'x', []).receipt])).to.deep.equal([]);
    await curl(first.url, first.key);
    rig.taken(first.offer);
    const { place } = await next;
    expect(place.path).to.not.equal(first.offer.place.path);
    second.abort();
  });

  it('a transfer without a turn - expires, and both sides are told', async () => {
    await bus.close();
    await start({ transfers: 1, timeout: 1 });
    bus.transfers.receive('map', () => {});
    const source = new PassThrough();
    source.write('x');
    const first = await rig.offered(source);
    const drip = setInterval(() => source.write('x'), 200);
    const reading = curl(first.url, first.key);
    expect(await reasonOf(bus.transfers.send('map', content, peer).receipt)).to.equal('expired');
    expect(await bare.ask(1, 'map', 1).answer).to.include({ ok: false, reason: 'expired' });
    clearInterval(drip);
    first.handle.abort();
    await reading;
    expect(bus.records.map(({ outcome }) => outcome)).to.deep.equal(['expired', 'expired', 'aborted']);
  });

  it('a handshake that never decides - expires, and both sides are told', async () => {
    await bus.close();
    await start({ timeout: 1 });
    bus.transfers.receive('map', () => {});
    bus.transfers.handshake('map', () => new Promise<never>(() => {}));
    expect(await bare.ask(1, 'map', 1).answer).to.include({ ok: false, reason: 'expired' });
  });

  it('an interrupt that never decides - expires, and the request is answered', async () => {
    await bus.close();
    await start({ timeout: 1 });
    bus.transfers.interrupt('map', () => new Promise<never>(() => {}));
    const { handle, url, key } = await rig.offered();
    expect(await curl(url, key)).to.include({ status: 410 });
    expect(await reasonOf(handle.receipt)).to.equal('expired');
  });

  it('one peer - never has every turn', async () => {
    await bus.close();
    await start({ transfers: 2 });
    await rig.offered();
    const waits = bus.transfers.send('map', content, peer);
    const other = await bus.connect();
    other.transfers.receive('map', () => {});
    expect(await bus.transfers.send('map', content, other.peer).receipt).to.include({ bytes: content.length });
    waits.abort();
    expect(await reasonOf(waits.receipt)).to.equal('aborted');
  });

  it('the rate of a peer - holds over all of its transfers', async () => {
    await bus.close();
    await start({ rate: 400_000 });
    const both = [await rig.offered(), await rig.offered()];
    const startedAt = performance.now();
    await Promise.all(both.map(({ url, key }) => curl(url, key)));
    expect(performance.now() - startedAt).to.be.within(750, 5_000);
  });

  it('a rate that makes a chunk last longer than the timeout - stalls no upload', async () => {
    await bus.close();
    await start({ rate: 40_000, timeout: 1 });
    bus.transfers.receive('map', () => {});
    const part = content.subarray(0, 80_000);
    const { url, key, answer } = await rig.granted(1, { size: part.length });
    const startedAt = performance.now();
    const answered = curl(url, ['--data-binary', '@-', '-X', 'PUT', ...key], part);
    const digest = { sha256: createHash('sha256').update(part).digest('hex'), bytes: part.length };
    await bare.send({ op: 'digest', way: 'up', transfer: 1, digest });
    expect((await answered).status).to.equal(200);
    expect(await answer).to.have.property('ok', true);
    expect(performance.now() - startedAt).to.be.above(1800);
  });
});
