import { BusError } from '../base/errors.ts';
import type { Proof } from './platform.ts';
import type { PeerHandle, Plugin } from './plugin.ts';

const name = 'busbar.credentials';

/** Has a client answer, in a session that has begun, what its server asks about it. */
export type AskClient = (peer: PeerHandle, question: unknown, timeoutMs: number) => Promise<unknown>;

/** At a server. */
export const asksClients: Plugin<AskClient, never> = {
  name,
  install(host) {
    const request = (): never => {
      throw new BusError('ERR_PEER_LACKS_FEATURE');
    };
    const lane = host.lane({ request });
    return { api: (peer, question, timeout) => lane.request(peer, question, { timeout }) };
  },
};

/** At a client: `prove` answers. The server looks soon, and does not say when it has. */
export function answersServer(prove: (question: unknown) => Proof): Plugin<never, undefined> {
  return {
    name,
    install(host) {
      let last: Proof | undefined;
      host.lane({
        request: (question) => {
          last?.done();
          last = prove(question);
          return last.answer;
        },
      });
      host.onDisconnect(() => last?.done());
      return { api: undefined };
    },
  };
}
