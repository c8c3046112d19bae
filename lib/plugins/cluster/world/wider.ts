import { BusError } from '../../../base/errors.ts';
import type { PeerHandle, PluginHost, SurveyAnswer, WiderAudience } from '../../../bus/plugin.ts';
import { partsOf } from './audience.ts';
import type { WorldPeer } from './world-peer.ts';
import type { WorldAnswer } from './world-survey.ts';
import type { World } from './world.ts';

/** What the server itself does with all its clients, done with those of all nodes. */
export function widerBy(world: World, host: PluginHost): WiderAudience {
  const ownNode = world.nodes[0]?.id;
  const answerOf = (answer: WorldAnswer): SurveyAnswer<PeerHandle, unknown> => {
    const parts = partsOf(answer.id);
    const own = parts?.node === ownNode ? [...host.peers].find(({ id }) => id === parts?.connection) : undefined;
    const peer = own ?? handleOf(world.peer(answer.id));
    return answer.status === 'fulfilled'
      ? { peer, status: 'fulfilled', value: answer.value }
      : { peer, status: 'rejected', reason: answer.reason };
  };
  return {
    broadcast: (data, settings) => world.broadcast(data, settings),
    survey: async (data, settings) => (await world.survey(data, settings)).map(answerOf),
    async *surveyStream(data, settings) {
      for await (const answer of world.surveyStream(data, settings)) yield answerOf(answer);
    },
  };
}

/** A client of another node, as far as it is one for those who expect a connection. */
function handleOf(peer: WorldPeer): PeerHandle {
  return {
    id: peer.id,
    remoteAddress: undefined,
    linkKind: 'nats',
    delivery: 'session',
    send: (data) => peer.send(data),
    request: (data, settings) =>
      peer.request(
        data,
        typeof settings === 'object' ? { timeout: settings.timeout, signal: settings.signal } : settings,
      ),
    close: () => Promise.reject(new BusError('ERR_STATE', 'This is a client of another node')),
  };
}
