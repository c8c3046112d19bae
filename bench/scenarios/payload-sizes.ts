import { payload, payloadNames } from '../payloads.ts';
import { flow, flowClientCommands, flowServerCommands } from './flow.ts';
import { hasRoomFor, type BusScenario } from './bus-scenario.ts';

/** So many bytes are sent between two turns of the event loop, and one message at least. */
const burstBytes = 16_384;

export const payloadSizes: BusScenario = {
  name: 'payload-sizes',
  title: 'One-way messages of every size of the payload set.',
  metrics: [
    { name: 'megabytes', unit: 'MB/s', better: 'higher' },
    { name: 'perSecond', unit: 'messages/s', better: 'higher' },
  ],
  variants: payloadNames.map((name) => ({ name, clients: 1, params: {} })),
  suits: (adapter, variant) =>
    hasRoomFor(adapter, variant) && (adapter.binary !== false || !variant.name.endsWith('-binary')),
  async measure(stage, { name }) {
    const { bytes } = payload(name);
    const { perSecond } = await flow(stage, name, Math.max(1, Math.min(128, Math.floor(burstBytes / bytes))));
    return { perSecond, megabytes: (perSecond * bytes) / 1e6 };
  },
  clientCommands: flowClientCommands,
  serverCommands: flowServerCommands,
};
