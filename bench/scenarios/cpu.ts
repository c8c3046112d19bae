import { cpuOf } from '../control/cpu-of.ts';
import { flow, flowClientCommands, flowServerCommands } from './flow.ts';
import { hasRoomFor, type BusScenario } from './bus-scenario.ts';

export const cpu: BusScenario = {
  name: 'cpu',
  title: 'CPU microseconds per message, both processes together, one-way game objects.',
  metrics: [{ name: 'us', unit: 'us a message', better: 'lower' }],
  variants: [{ name: 'game object', clients: 1, params: {} }],
  // The thread shares its process, and NATS has a third one.
  suits: (adapter, variant) => hasRoomFor(adapter, variant) && !['MessageChannel', 'NATS'].includes(adapter.name),
  async measure(stage) {
    await flow(stage, 'game', 128);
    const before = await cpuOf(stage.server, stage.clients);
    const { count } = await flow(stage, 'game', 128, true);
    return { us: ((await cpuOf(stage.server, stage.clients)) - before) / count };
  },
  clientCommands: flowClientCommands,
  serverCommands: flowServerCommands,
};
