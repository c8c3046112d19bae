import process from 'node:process';
import { BusError } from '../base/errors.ts';
import { toFailure } from '../base/failure.ts';
import type { LaneRequestContext, PeerHandle } from './lane.ts';
import type { Plugin } from './plugin.ts';
import type { SurveyAnswer } from './survey-answer.ts';

/** What is looked at, as far as it is asked. */
interface Inspected {
  readonly address: string | undefined;
  readonly connections: readonly PeerHandle[];
  broadcast(data: unknown): Promise<void>;
  surveyStream(
    data: unknown,
    settings: { readonly timeout: number; readonly signal: AbortSignal },
  ): AsyncIterable<SurveyAnswer<PeerHandle, unknown>>;
}

type Members = Readonly<Record<string, unknown>>;
type Verb = (inspected: Inspected, asked: Members, context: LaneRequestContext) => unknown;

/** What a looker may ask, by name. */
const verbs: Readonly<Record<string, Verb>> = {
  about: ({ address, connections }) => ({
    address,
    pid: process.pid,
    node: process.versions.node,
    peers: connections.length,
  }),
  async broadcast(inspected, { data }) {
    const peers = inspected.connections.length;
    await inspected.broadcast(data);
    return { peers };
  },
  async survey(inspected, { data, timeout }, { signal }) {
    if (typeof timeout !== 'number') throw new BusError('ERR_INVALID_ARGUMENT', 'A survey has a timeout');
    const answers: object[] = [];
    for await (const { peer, status, ...rest } of inspected.surveyStream(data, { timeout, signal })) {
      const outcome = 'reason' in rest ? { reason: toFailure(rest.reason) } : { value: rest.value };
      answers.push({ peer: peer.id, status, ...outcome });
    }
    return answers;
  },
};

/** Answers those who look; to be installed at the server that has them. `inspected` is asked when they ask. */
export const inspection = (inspected: Inspected): Plugin<undefined, never> => ({
  name: 'busbar.inspect',
  install(host) {
    host.lane({
      request(data, context) {
        const asked = typeof data === 'object' && data !== null ? (data as Members) : {};
        const name = String(asked['ask']);
        const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
        if (verb === undefined) throw new BusError('ERR_PEER_LACKS_FEATURE', `The server cannot be asked "${name}"`);
        return verb(inspected, asked, context);
      },
    });
    return { api: undefined };
  },
});
