import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { systemClock } from '../../lib/base/system-clock.ts';
import { PortLink } from '../../lib/transport/port-link.ts';
import { turn, until } from '../support/buses.ts';
import { Witness } from '../support/links.ts';

const windowBytes = 1_048_576;

describe('port link', () => {
  let here: Witness;
  let there: Witness;

  beforeEach(() => {
    const { port1, port2 } = new MessageChannel();
    here = new Witness(new PortLink(port1, { remote: 'there', clock: systemClock }));
    there = new Witness(new PortLink(port2, { remote: 'here', clock: systemClock }));
  });

  afterEach(async () => {
    for (const { link } of [here, there]) link.destroy();
    await Promise.all([here.closed, there.closed]);
  });

  it('carries bytes in order, those of a turn in one message, and leaves the memory they stand in alone', async () => {
    const pooled = Buffer.from('one two three');
    const neighbours = pooled.buffer.byteLength;
    here.link.write(pooled.subarray(0, 4));
    here.link.write(new Uint8Array(0));
    here.link.write(pooled.subarray(4, 8));
    here.link.write(pooled.subarray(8));
    await there.received(13);
    expect(there.chunks.map(String)).to.deep.equal(['one two three']);
    expect(pooled.buffer.byteLength).to.equal(neighbours);
    expect(String(pooled)).to.equal('one two three');
  });

  it('a paused end is sent its window and no more; the writer is asked to wait, and told when to go on', async () => {
    there.link.pause();
    const data = new Uint8Array(3 * windowBytes).map((_, index) => index % 251);
    expect(here.link.write(data)).to.equal(false);
    await until(() => here.link.bufferedBytes === 2 * windowBytes);
    for (let passed = 0; passed < 10; passed++) await turn();
    expect([there.size, here.drains, here.link.bufferedBytes]).to.deep.equal([0, 0, 2 * windowBytes]);
    there.link.resume();
    await there.received(data.length);
    await until(() => here.drains === 1);
    expect(here.link.bufferedBytes).to.equal(0);
    expect(Buffer.concat(there.chunks).equals(data)).to.equal(true);
  });

  it('end() sends what is buffered, and both close without an error; a paused end hears all of it first', async () => {
    there.link.pause();
    here.link.write(new Uint8Array(2 * windowBytes));
    here.link.end();
    expect(here.link.write(new Uint8Array(1))).to.equal(false);
    await until(() => here.link.bufferedBytes === windowBytes);
    there.link.resume();
    await Promise.all([here.closed, there.closed]);
    expect([there.size, there.error, here.error, here.closes, there.closes]).to.deep.equal([
      2 * windowBytes,
      undefined,
      undefined,
      1,
      1,
    ]);
  });

  it('destroy() closes both; what was written before arrives', async () => {
    const error = new Error('enough');
    there.link.pause();
    here.link.write(Buffer.from('last words'));
    here.link.destroy(error);
    await here.closed;
    expect(here.error).to.equal(error);
    there.link.resume();
    await there.closed;
    expect(there.text).to.equal('last words');
  });

  describe('a stranger at the other end', () => {
    let port: MessagePort;
    let witness: Witness;

    beforeEach(() => {
      const { port1, port2 } = new MessageChannel();
      port = port2;
      witness = new Witness(new PortLink(port1, { remote: 'x', clock: systemClock }));
    });

    afterEach(() => port.close());

    const garbage: Readonly<Record<string, (to: MessagePort) => void>> = {
      text: (to) => to.postMessage('x'),
      'an object': (to) => to.postMessage({ length: 3 }),
      'an array of numbers': (to) => to.postMessage(new Float64Array(3)),
      'memory that it shares': (to) => to.postMessage(new Uint8Array(new SharedArrayBuffer(8))),
      'thanks for what it was not sent': (to) => to.postMessage(1),
      'thanks that are no number of bytes': (to) => to.postMessage(Number.NaN),
      'bytes behind the end': (to) => {
        witness.link.pause();
        to.postMessage(new Uint8Array(1));
        to.postMessage(null);
        to.postMessage(new Uint8Array(1));
      },
    };
    for (const [what, send] of Object.entries(garbage)) {
      it(`that sends ${what} - is cut off`, async () => {
        send(port);
        await witness.closed;
        expect(witness.error).to.have.property('code', 'ERR_PROTOCOL');
        expect(witness.size).to.equal(0);
      });
    }

    it('that sends more than the window to a paused end - is cut off, and nothing is kept', async () => {
      witness.link.pause();
      for (let sent = 0; sent <= 16; sent++) port.postMessage(new Uint8Array(windowBytes / 16));
      await witness.closed;
      expect(witness.error).to.have.property('code', 'ERR_PROTOCOL');
    });

    it('that goes without a word - closes the link', async () => {
      port.close();
      await witness.closed;
      expect(witness.error).to.equal(undefined);
    });
  });
});
