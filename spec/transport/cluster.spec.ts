import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { command } from '../support/command.ts';

const program = fileURLToPath(new URL('cluster-program.js', import.meta.url));

/** A port that nobody has, neither for streams nor for datagrams. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  const datagrams = createSocket('udp4').bind(port, '127.0.0.1');
  await once(datagrams, 'listening');
  await Promise.all([
    new Promise((resolve) => probe.close(resolve)),
    new Promise<void>((resolve) => datagrams.close(resolve)),
  ]);
  return port;
}

describe('workers of a cluster', () => {
  for (const what of [
    'tcp',
    'tls',
    'joint protocol',
    'interserve',
    'dispatch, web face',
    'dispatch, device port',
    'dispatch, datagram port',
    'gateway, HTTP',
    'gateway, WebSocket',
  ]) {
    it(`one listens on a port and the other is told - ${what}`, async () => {
      const { stdout, stderr } = await command(process.execPath, [program, what, String(await freePort())]);
      expect(stdout, stderr).to.equal('ERR_ADDRESS_IN_USE, started');
    });
  }

  it('share a port where listenOptions say so', async () => {
    const { stdout, stderr } = await command(process.execPath, [program, 'shared', String(await freePort())]);
    expect(stdout, stderr).to.equal('started, started');
  });
});
