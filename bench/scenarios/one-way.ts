import { flow, flowClientCommands, flowServerCommands } from './flow.ts';
import { hasRoomFor, type BusScenario } from './bus-scenario.ts';

export const oneWay: BusScenario = {
  name: 'one-way',
  title: 'Messages from one client to the server, the 100-byte game object, in bursts of 128.',
  metrics: [{ name: 'perSecond', unit: 'messages/s', better: 'higher' }],
  variants: [{ name: 'game object', clients: 1, params: {}, quick: true }],
  suits: hasRoomFor,
  async measure(stage) {
    const { perSecond } = await flow(stage, 'game', 128);
    return { perSecond };
  },
  clientCommands: flowClientCommands,
  serverCommands: flowServerCommands,
};
