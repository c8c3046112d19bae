import { expect } from 'chai';
import { X509Certificate } from 'node:crypto';
import { describe, it } from 'mocha';
import { sumDrops } from '../../../lib/plugins/dispatch/metrics.ts';
import { Meters } from '../../../lib/plugins/dispatch/metrics.ts';
import { RateLimitedLog } from '../../../lib/plugins/dispatch/log.ts';
import { generateKey, selfSign } from '../../../lib/plugins/dispatch/self-signed.ts';

describe('dispatch metrics', () => {
  it('text - is grouped by name, with labels escaped', () => {
    const meters = new Meters();
    meters.counter('a_total', 'Some a.', { reason: 'x' }).value += 2;
    meters.gauge('b', 'Some b.', 7);
    meters.counter('a_total', 'Some a.', { reason: 'say "y"\n' }).value += 1;
    expect(meters.counter('a_total', 'Some a.', { reason: 'x' }).value).to.equal(2);
    expect(meters.toString().split('\n')).to.deep.equal([
      '# HELP a_total Some a.',
      '# TYPE a_total counter',
      'a_total{reason="x"} 2',
      'a_total{reason="say \\"y\\"\\n"} 1',
      '# HELP b Some b.',
      '# TYPE b gauge',
      'b 7',
      '',
    ]);
  });

  it('the drops of the system - are those of our ports', () => {
    const head =
      '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n';
    const row = (port: string, drops: number): string =>
      `  123: 00000000:${port} 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4242 2 0000000000000000 ${drops}\n`;
    expect(sumDrops(head + row('00A2', 5) + row('00A3', 7) + row('00A2', 1), new Set([162]))).to.equal(6);
    expect(sumDrops('', new Set([162]))).to.equal(0);
  });
});

describe('dispatch log', () => {
  it('a flood - gives one line a second, with the number left out', () => {
    let now = 0;
    const lines: unknown[] = [];
    const clock = { now: () => now, setTimer: () => ({ cancel: () => undefined }), defer: () => undefined };
    const log = new RateLimitedLog((event) => lines.push(event), clock);
    const event = { level: 'warn', event: 'device_refused' } as const;
    for (let count = 0; count < 100; count++) log.write('a', event);
    log.write('b', event);
    now = 1_000;
    log.write('a', event);
    now = 2_000;
    log.write('a', event);
    expect(lines).to.deep.equal([event, event, { ...event, omitted: 99 }, event]);
  });
});

describe('dispatch certificate', () => {
  it('a self-signed one - is for its key, names its owner and is valid for years', () => {
    const key = generateKey();
    const certificate = new X509Certificate(selfSign(key, 'some device', new Date('2026-11-21T10:00:00Z')));
    expect(certificate.subject).to.equal('CN=some device');
    expect(certificate.checkPrivateKey(key)).to.equal(true);
    expect(certificate.verify(certificate.publicKey)).to.equal(true);
    expect(new Date(certificate.validFrom).toISOString()).to.equal('2026-11-20T10:00:00.000Z');
    expect(new Date(certificate.validTo).toISOString()).to.equal('2036-11-21T10:00:00.000Z');
  });
});
