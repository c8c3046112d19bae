import { payload } from '../payloads.ts';
import { flow, flowClientCommands, flowServerCommands } from './flow.ts';
import { hasRoomFor, type BusScenario } from './bus-scenario.ts';

const sizes = ['4m-binary', '16m-binary'];

export const binary: BusScenario = {
  name: 'binary',
  title: 'Large binary messages from one client to the server, one after the other.',
  metrics: [
    { name: 'megabytes', unit: 'MB/s', better: 'higher' },
    { name: 'peak', unit: 'payloads of memory at the receiver', better: 'lower' },
  ],
  variants: sizes.map((name) => ({ name, clients: 1, params: { payload: name }, quick: name === '4m-binary' })),
  suits: (adapter, variant) =>
    hasRoomFor(adapter, variant) && (adapter.binary !== false || variant.name === '4m-binary'),
  async measure(stage, { name }) {
    const { bytes } = payload(name);
    // The very first one: how much memory does it take at most until it is there?
    const before = await stage.server.call('memory', { reset: true });
    await flow({ ...stage, pace: { ...stage.pace, measureMs: 0 } }, name, 1, true);
    const after = await stage.server.call('memory', {});
    const { perSecond } = await flow(stage, name, 1);
    const peak = (Number(after['peakBytes']) - Number(before['rssBytes'])) / bytes;
    return { megabytes: (perSecond * bytes) / 1e6, peak };
  },
  clientCommands: flowClientCommands,
  serverCommands: flowServerCommands,
};
