import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { Client } from '../../../lib/index.ts';
import type { Groups } from '../../../lib/plugins/fleet/index.ts';
import { sleep } from '../../support/buses.ts';
import { CrewWorld, file } from './crew-world.ts';

const front = fileURLToPath(new URL('./front-program.js', import.meta.url));

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

function get(port: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', agent: false, timeout: 15_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.once('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`${response.statusCode} ${text}`));
      });
      response.once('error', reject);
    });
    asked.once('error', reject);
    asked.end();
  });
}

describe('ports of a fleet', function () {
  this.timeout(60_000).slow(5_000);
  let world: CrewWorld;

  afterEach(() => world.end());

  async function started(groups: Groups): Promise<CrewWorld> {
    world = new CrewWorld(groups);
    let number = 0;
    world.hub.provide('numbers', { next: () => (number += 1) });
    return world.start();
  }

  it('HTTP - no connection is refused and no request fails while all processes are replaced', async () => {
    const port = await freePort();
    const { crew } = await started({ front: { file: front, args: ['http', String(port)], listen: [port], count: 2 } });
    const before = new Set(world.pids('front'));
    const failed: unknown[] = [];
    const answers: (readonly [number, number])[] = [];
    let open = 0;
    const timer = setInterval(() => {
      open += 1;
      get(port)
        .then(
          (answer) => answers.push(answer as [number, number]),
          (error: unknown) => failed.push(error),
        )
        .finally(() => (open -= 1));
    }, 4);
    await crew.restart('front');
    await sleep(50);
    clearInterval(timer);
    while (open > 0) await sleep(5);
    expect(failed).to.deep.equal([]);
    expect(new Set(answers.map(([number]) => number)).size).to.equal(answers.length);
    const pids = new Set(answers.map(([, pid]) => pid));
    expect(before.size).to.equal(2);
    for (const pid of world.pids('front')) expect([...pids]).to.include(pid);
    for (const pid of before) expect(world.pids('front')).to.not.include(pid);
  });

  it('TCP - clients of a server go on with the next one, and nothing is lost', async () => {
    const port = await freePort();
    const { crew } = await started({ front: { file: front, args: ['tcp', String(port)], listen: [port] } });
    const clients = await Promise.all(Array.from({ length: 4 }, () => new Client({ port }).connect()));
    try {
      const failed: unknown[] = [];
      const pids = new Set<number>();
      let isOn = true;
      const load = clients.map(async (client) => {
        while (isOn) {
          try {
            const [, pid] = (await client.request('next', { idempotent: true })) as [number, number];
            pids.add(pid);
          } catch (error) {
            failed.push(error);
          }
          await sleep(2);
        }
      });
      await crew.restart('front');
      await sleep(100);
      isOn = false;
      await Promise.all(load);
      expect(failed).to.deep.equal([]);
      expect(pids.size).to.equal(2);
    } finally {
      await Promise.all(clients.map((client) => client.close()));
    }
  });

  it('who connects while no process is there - waits for the next one', async () => {
    const port = await freePort();
    const { crew } = await started({ front: { file: front, args: ['http', String(port)], listen: [port] } });
    await crew.scale('front', 0);
    const answer = get(port);
    await sleep(50);
    await crew.scale('front', 1);
    expect(((await answer) as [number, number])[0]).to.equal(1);
  });

  it('a port that is not to be had - is named, and no process is started', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    try {
      world = new CrewWorld({ other: { file, args: ['plain'] }, front: { file: front, listen: [port] } });
      const error = await world.failure();
      expect([error.code, error.message]).to.deep.equal([
        'ERR_ADDRESS_IN_USE',
        `Group front cannot listen on 127.0.0.1:${port}: listen EADDRINUSE 127.0.0.1:${port}`,
      ]);
      expect(world.states).to.deep.equal(['other 1 stopped', 'front 1 stopped']);
    } finally {
      server.close();
    }
  });

  it('a port is free when the fleet has stopped', async () => {
    const port = await freePort();
    const { crew } = await started({
      front: { file: front, args: ['http', String(port)], listen: [`127.0.0.1:${port}`] },
    });
    await crew.stop();
    const socket = connect(port, '127.0.0.1');
    const [error] = (await once(socket, 'error')) as [{ code: string }];
    expect(error.code).to.equal('ECONNREFUSED');
  });
});
