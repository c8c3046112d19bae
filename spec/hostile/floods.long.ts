import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack } from 'msgpackr';
import { Client } from '../../lib/index.ts';
import { FrameType } from '../../lib/wire/native/header.ts';
import { stopwatch } from '../support/stopwatch.ts';
import { frame, hello, offer, packet, Stranger } from '../support/stranger.ts';
import type { Harm } from './victim.ts';

/** What the options of a server let one peer take, 16 MiB unacknowledged and as much again that waits, and what is spare. */
const mostMiB = 32 + 32;
/** As much as the system hands over in one turn, 2 MiB of the smallest frames, is read in that turn. */
const mostHeldMs = 500;
const mostPingMs = 1_000;
/** A busy machine makes a flood look worse than it is, and never better. */
const attempts = 4;
const floodBytes = 2_000_000;

type Flood = (send: (bytes: Uint8Array) => void, repeat: (make: (turn: number) => Buffer) => Buffer) => void;

const text = (value: unknown): Buffer => Buffer.from(pack(value));
const plain = 2;
const raw = 3;
const more = 4;
const openLane = (name: string): Buffer => frame(FrameType.open, plain, 1, 0, text(name));
const megabyte = Buffer.alloc(1_048_576);

/** A body in as many frames as it takes. */
function cut(type: number, encoding: number, lane: number, id: number, body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += 65_600) {
    const isLast = at + 65_600 >= body.length;
    parts.push(frame(type, encoding | (isLast ? 0 : more), lane, id, body.subarray(at, at + 65_600)));
  }
  return Buffer.concat(parts);
}

const floods: Record<string, Flood> = {};
for (const [name, type] of Object.entries(FrameType)) {
  floods[`${name}, without a body`] = (send, repeat) => send(repeat((turn) => frame(type, 0, 0, turn + 1)));
  floods[`${name}, with a text`] = (send, repeat) =>
    send(repeat((turn) => frame(type, plain, 0, turn + 1, text('x'.repeat(20)))));
  floods[`${name}, on a lane that nobody opened`] = (send, repeat) =>
    send(repeat((turn) => frame(type, raw | more, turn & 0xffff, turn + 1, '0')));
  for (const lane of ['rpc', 'channels', 'nobody']) {
    floods[`${name}, on the lane of ${lane}`] = (send, repeat) =>
      send(
        Buffer.concat([
          openLane(lane),
          repeat((turn) => frame(type, plain, 1, turn + 1, text([turn & 15, turn, 'x']))),
        ]),
      );
  }
}
for (const type of ['message', 'request', 'ping'] as const) {
  floods[`${type} of a megabyte`] = (send) => {
    const body = Buffer.concat([Buffer.from([0]), megabyte]);
    for (let id = 1; id <= 40; id++) send(cut(FrameType[type], raw, 0, id, body));
  };
}
for (const method of ['echo', 'large', 'later', 'nothing']) {
  floods[`rpc, calls of ${method}`] = (send) =>
    send(
      Buffer.concat([
        openLane('rpc'),
        ...Array.from({ length: 2_000 }, (_, turn) =>
          frame(FrameType.request, plain, 1, turn + 1, text([0, method, null])),
        ),
      ]),
    );
}
for (let kind = 0; kind < 10; kind++) {
  floods[`rpc, messages of kind ${kind}`] = (send, repeat) =>
    send(
      Buffer.concat([
        openLane('rpc'),
        repeat((turn) => frame(FrameType.message, plain, 1, 0, text([kind, turn, 'x', turn, {}]))),
      ]),
    );
}
for (const action of ['list', 'create', 'enter', 'other']) {
  floods[`channels, requests to ${action}`] = (send) =>
    send(
      Buffer.concat([
        openLane('channels'),
        ...Array.from({ length: 5_000 }, (_, turn) =>
          frame(FrameType.request, plain, 1, turn + 1, text([action, turn, `${action} ${turn}`, {}])),
        ),
      ]),
    );
}
for (let kind = 0; kind < 12; kind++) {
  floods[`channels, messages of kind ${kind}`] = (send, repeat) =>
    send(
      Buffer.concat([
        openLane('channels'),
        repeat((turn) => frame(FrameType.message, plain, 1, 0, text([kind, turn & 255, turn, 'x']))),
      ]),
    );
}

(process.platform === 'linux' ? describe : describe.skip)('an admitted client that floods', () => {
  let folder: string;
  let path: string;
  let victim: ChildProcess;
  let honest: Client;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bb-'));
    path = join(folder, 'bus');
    const execArgv = ['--expose-gc', '--max-semi-space-size=1'];
    victim = fork(new URL('./victim.js', import.meta.url), [path], { execArgv });
    await once(victim, 'message');
    honest = await new Client({ path }).connect();
    await look();
  });

  after(async () => {
    await honest.close();
    victim.kill('SIGKILL');
    await once(victim, 'exit');
    rmSync(folder, { recursive: true });
  });

  async function look(): Promise<Harm> {
    victim.send('look');
    const [harm] = (await once(victim, 'message')) as [Harm];
    return harm;
  }

  function repeat(make: (turn: number) => Buffer): Buffer {
    const parts: Buffer[] = [];
    for (let bytes = 0, turn = 0; bytes < floodBytes; turn++) {
      const part = make(turn);
      parts.push(part);
      bytes += part.length;
    }
    return Buffer.concat(parts);
  }

  /** The harm of one flood, and how long an honest client's ping took at worst meanwhile. */
  async function suffer(flood: Flood): Promise<Harm & { readonly pingMs: number }> {
    const peer = await Stranger.at({ path });
    peer.send(hello({ busbar: offer }));
    await once(peer.socket, 'data');
    peer.socket.pause();
    await look();
    flood((bytes) => peer.send(bytes), repeat);
    let pingMs = 0;
    for (let turn = 0; turn < 4; turn++) {
      const time = stopwatch();
      await honest.ping(undefined, 5_000);
      pingMs = Math.max(pingMs, time());
    }
    const harm = await look();
    peer.socket.destroy();
    await peer.closed;
    return { ...harm, pingMs };
  }

  for (const [name, flood] of Object.entries(floods)) {
    it(`${name} - costs memory within the limits, and nobody's time`, async function () {
      this.timeout(60_000);
      let harm = await suffer(flood);
      const isBad = ({ memory, heldMs, pingMs }: typeof harm): boolean =>
        memory > mostMiB || heldMs > mostHeldMs || pingMs > mostPingMs;
      for (let attempt = 1; attempt < attempts && isBad(harm); attempt++) harm = await suffer(flood);
      const seen = JSON.stringify(harm);
      expect(harm.memory, `MiB, ${seen}`).to.be.at.most(mostMiB);
      expect(harm.heldMs, `ms the loop was held, ${seen}`).to.be.at.most(mostHeldMs);
      expect(harm.pingMs, `ms of a ping, ${seen}`).to.be.at.most(mostPingMs);
      expect(harm.descriptors, `descriptors, ${seen}`).to.be.at.most(40);
    });
  }

  it('pings of a net-ipc client that reads nothing - are answered within the limits', async () => {
    const flood: Flood = (send, again) =>
      send(again((turn) => packet({ t: 4, n: turn.toString(36), d: 'x'.repeat(100) })));
    const peer = await Stranger.at({ path });
    peer.send(hello());
    await once(peer.socket, 'data');
    peer.socket.pause();
    await look();
    flood((bytes) => peer.send(bytes), repeat);
    for (let turn = 0; turn < 12; turn++) await honest.ping();
    const { memory } = await look();
    peer.socket.destroy();
    expect(memory).to.be.at.most(mostMiB);
  });
});
