import { sleep } from '../time.ts';
import { hasRoomFor, type BusScenario } from './bus-scenario.ts';

export const idle: BusScenario = {
  name: 'idle',
  title: '10,000 connections that say nothing: memory of the server for each, and its CPU while they idle.',
  metrics: [
    { name: 'kilobytes', unit: 'KB each', better: 'lower' },
    { name: 'cpu', unit: '% of a core', better: 'lower' },
  ],
  variants: [{ name: '9,500 connections', clients: 1, params: { clients: 9_500 } }],
  maxRuns: 1,
  // The others would need minutes to connect so many, or have no server of that kind.
  suits: (adapter, variant) =>
    hasRoomFor(adapter, variant) && ['busbar', 'bare socket', 'net-ipc JSON'].includes(adapter.name),
  async measure({ server, clients, pace }, { params }) {
    const wanted = pace.quick ? 200 : Number(params['clients']);
    const before = await server.call('memory', { reset: true });
    await clients.call('more', { clients: wanted });
    const after = await server.call('memory', { reset: true });
    const bytes = Number(after['rssBytes']) - Number(before['rssBytes']);
    // Two heartbeats' worth of silence.
    const idleMs = pace.quick ? 200 : 22_000;
    const cpuBefore = await server.call('cpu');
    await sleep(idleMs);
    const cpuAfter = await server.call('cpu');
    const cpuUs = Number(cpuAfter['cpuUs']) - Number(cpuBefore['cpuUs']);
    return { kilobytes: bytes / 1_024 / (wanted - 1), cpu: cpuUs / 10 / idleMs };
  },
  clientCommands: {
    async more({ more }, { clients }) {
      await more(Number(clients));
      return {};
    },
  },
};
