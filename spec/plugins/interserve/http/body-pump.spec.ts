import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { ByteRate, decoder, encoder, encodings, negotiate } from '../../../../lib/plugins/interserve/http/body-pump.ts';
import { VirtualClock } from '../../../../lib/testing/virtual-clock.ts';

describe('interserve bodies', () => {
  it('negotiation - takes the best that is named and not refused', () => {
    const best = encodings[0];
    expect(negotiate('gzip, br, zstd')).to.equal(best);
    expect(negotiate('gzip')).to.equal('gzip');
    expect(negotiate('br;q=0, gzip;q=0.5')).to.equal('gzip');
    expect(negotiate('GZIP')).to.equal('gzip');
    for (const accept of [undefined, '', 'identity', 'deflate', 'br;q=0'])
      expect(negotiate(accept)).to.equal(undefined);
  });

  it('brotli and gzip - are always there, zstd where the platform has it', () => {
    expect(encodings).to.include.members(['br', 'gzip']);
    expect(encodings.includes('zstd')).to.equal(Object.hasOwn(process.versions, 'zstd'));
  });

  for (const encoding of encodings) {
    it(`${encoding} - gives back what it was given`, async () => {
      const text = Buffer.from('interserve '.repeat(20_000));
      const coded = await buffer(Readable.from([text]).pipe(encoder(encoding)));
      expect(coded.length).to.be.below(text.length / 10);
      expect((await buffer(Readable.from([coded]).pipe(decoder(encoding)))).equals(text)).to.equal(true);
    });
  }

  it('a rate - lets through its bytes on average', async () => {
    const clock = new VirtualClock();
    const rate = new ByteRate(clock, 1000);
    let passed = 0;
    const pass = async () => {
      for (;;) {
        await rate.take(100);
        passed += 100;
      }
    };
    void pass();
    for (let ms = 0; ms < 10_000; ms += 10) {
      clock.advance(10);
      await new Promise(setImmediate);
    }
    expect(passed).to.be.within(9_800, 10_300);
  });

  it('a rate - of 0 never waits', () => {
    const rate = new ByteRate(new VirtualClock(), 0);
    expect(rate.take(1e12)).to.equal(undefined);
    expect(rate.portion).to.equal(Infinity);
  });
});
