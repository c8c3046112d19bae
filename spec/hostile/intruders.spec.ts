import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { connect, type Socket } from 'node:net';
import { Server } from '../../lib/index.ts';
import { until } from '../support/buses.ts';
import { hello, offer, frame, packet } from '../support/stranger.ts';
import { figure } from '../reliability/figures.ts';
import { Stage } from '../reliability/process.ts';
import { intrusions } from './intruders.ts';
import { stopwatch } from '../support/stopwatch.ts';

/** `INTRUDER=123` tries one again. */
const one = process.env['INTRUDER'];

describe('intruders', () => {
  let stage: Stage;

  beforeEach(() => {
    stage = new Stage();
  });

  afterEach(() => stage.close());

  for (const [name, halfOpen] of [
    ['pipelined behind the hello', false],
    ['sent on after the refusal, the link kept half open', true],
  ] as const) {
    it(`1,000 times ${name} - nothing reaches a handler, and each link is gone within 100 ms`, async () => {
      const path = stage.path('s');
      let handled = 0;
      const server = await new Server({ path, authorize: () => false }).start();
      for (const event of ['connect', 'message', 'request', 'disconnect'] as const) {
        server.on(event, () => (handled += 1));
      }
      server.handle(() => (handled += 1));
      const lived: number[] = [];
      server.server?.on('connection', (socket: Socket) => {
        const elapsedMs = stopwatch();
        socket.once('close', () => lived.push(elapsedMs()));
      });
      const early = [
        Buffer.concat([hello(), packet({ t: 1, d: 'early' }), packet({ t: 2, d: 'early', n: 'x' })]),
        Buffer.concat([hello({ busbar: offer }), frame(1, 2, 0, 0, '\x01'), frame(2, 2, 0, 1, '\x01')]),
      ];
      const attempt = (number: number): Promise<void> =>
        new Promise((resolve) => {
          const socket = connect({ path, allowHalfOpen: halfOpen });
          const goOn = (): void => {
            if (!socket.destroyed) socket.write(packet({ t: 1, d: 'late' }), () => setTimeout(goOn, 2));
          };
          socket.on('error', () => {});
          socket.on('close', () => resolve());
          socket.on('data', () => {});
          if (halfOpen) socket.on('end', goOn);
          socket.write(early[number % 2] ?? '');
        });
      for (let number = 0; number < 1_000; number += 50) {
        await Promise.all(Array.from({ length: 50 }, (_, at) => attempt(number + at)));
      }
      await until(() => lived.length >= 1_000);
      await server.close();
      lived.sort((a, b) => a - b);
      // One pause of the whole machine may hold up all that are there together.
      const longestMs = Math.round(lived.at(-51) ?? 0);
      figure('17', { name, attempts: 1_000, handled, longestMs });
      expect(handled).to.equal(0);
      expect(longestMs).to.be.below(100);
    });
  }

  it('4,000 attempts of nine kinds - nothing reaches a handler, no session is taken, each link is soon gone', async () => {
    const figures = await intrusions(stage.path('s'), Number(one ?? 0), one === undefined ? 4_000 : 1);
    const { attempts, kinds, handled, taken, goneAfterMs, broadcasts } = figures;
    figure('17', { attempts, handled, taken, goneAfterMs });
    if (one === undefined) expect(Math.min(...Object.values(kinds))).to.be.above(300);
    expect({ handled, taken, broadcasts }).to.deep.equal({ handled: 0, taken: 0, broadcasts: 10 });
    expect(goneAfterMs).to.be.below(100);
  });
});
