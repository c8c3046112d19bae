import { cpuOf } from '../control/cpu-of.ts';
import type { Scenario } from '../scenarios/scenario.ts';
import { openRoom, owner, relay, user } from './parts.ts';

const requests = 'pipelined requests';

export const channelsChunks: Scenario = {
  name: 'channels-chunks',
  group: 'channels',
  title:
    'Chunks of 100 bytes from a user through the relay to the owner, beside requests of the 100-byte object straight to the server, 256 in flight.',
  metrics: [
    { name: 'perSecond', unit: 'a second', better: 'higher' },
    { name: 'us', unit: 'us of CPU each, all processes', better: 'lower' },
  ],
  variants: [
    { name: 'one way', clients: 1, params: { call: 'chunks' }, quick: true },
    { name: 'there and back', clients: 1, params: { call: 'chunksAndBack' } },
  ],
  parts: { relay, owner, user },
  peers: () => ['busbar', requests],
  async measure({ start, pace }, { params }, peer) {
    const { server, far, near } = await openRoom(start);
    const call = peer === requests ? 'requests' : String(params['call']);
    const warm = await near.call(call, { ms: pace.warmMs });
    const received = Number(warm['count']);
    if (call === 'chunks') await far.call('untilReceived', { count: received });
    const before = await cpuOf(server, far, near);
    const { perSecond = 0, count = 0, startedAt = 0 } = await near.call(call, { ms: pace.measureMs });
    if (call !== 'chunks') return { perSecond, us: ((await cpuOf(server, far, near)) - before) / count };
    const { receivedAt = 0 } = await far.call('untilReceived', { count: received + count });
    const us = ((await cpuOf(server, far, near)) - before) / count;
    return { perSecond: (count * 1_000) / (receivedAt - startedAt), us };
  },
};
