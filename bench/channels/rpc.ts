import { cpuOf } from '../control/cpu-of.ts';
import type { Scenario } from '../scenarios/scenario.ts';
import { openRoom, owner, relay, user } from './parts.ts';

const requests = 'pipelined requests';

export const rpcCalls: Scenario = {
  name: 'rpc-calls',
  group: 'rpc',
  title: 'Remote calls with the 100-byte object there and back, beside plain requests, 256 in flight.',
  metrics: [
    { name: 'perSecond', unit: 'calls/s', better: 'higher' },
    { name: 'us', unit: 'us of CPU each, all processes', better: 'lower' },
  ],
  variants: [
    { name: 'to the server', clients: 1, params: { call: 'calls' }, quick: true },
    { name: 'in a channel', clients: 1, params: { call: 'callsInRoom' } },
  ],
  parts: { relay, owner, user },
  peers: () => ['busbar', requests],
  async measure({ start, pace }, { params }, peer) {
    const { server, far, near } = await openRoom(start);
    const call = peer === requests ? 'requests' : String(params['call']);
    await near.call(call, { ms: pace.warmMs });
    const before = await cpuOf(server, far, near);
    const { perSecond = 0, count = 0 } = await near.call(call, { ms: pace.measureMs });
    return { perSecond, us: ((await cpuOf(server, far, near)) - before) / count };
  },
};
