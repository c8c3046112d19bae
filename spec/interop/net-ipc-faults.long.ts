import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { figure } from '../reliability/figures.ts';
import { NetIpcProcess } from '../support/net-ipc-process.ts';
import { underFaults } from './faults.ts';
import { codecs, roles, type Transport } from './matrix.ts';

const faults = 100;
const handshakes = [false, true];
const transports: readonly Transport[] = handshakes.flatMap((handshake) => [
  { name: 'unix socket', unix: true, security: 'none' as const, handshake },
  { name: 'TCP', unix: false, security: 'none' as const, handshake },
  { name: 'TLS', unix: false, security: 'certificate' as const, handshake },
]);

describe('net-ipc 2.2.2, on links that break, for long', () => {
  let real: NetIpcProcess;
  let folder: string;
  let paths = 0;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bb-'));
    real = new NetIpcProcess();
    await real.started();
  });
  afterEach(async () => {
    await real.end();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const role of roles) {
    for (const transport of transports) {
      for (const codec of codecs) {
        const how = `${transport.name}${transport.handshake ? ' with HTTP upgrade' : ''}, ${codec.name}`;
        it(`${role}, ${how}, ${faults} faults - in order, never doubled, every call settles`, async () => {
          paths += 1;
          const figures = await underFaults(real, join(folder, `${paths}`), role, transport, codec, faults, paths);
          figure('31, long', { role, how, ...figures, works: String(figures.works) });
          const { doubled, outOfOrder, neverSettled, works } = figures;
          expect({ doubled, outOfOrder, neverSettled, works }).to.deep.equal({
            doubled: 0,
            outOfOrder: 0,
            neverSettled: 0,
            works: true,
          });
        });
      }
    }
  }
});
