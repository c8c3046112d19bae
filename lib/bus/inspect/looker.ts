import { Client } from '../client/client.ts';
import { nodeClientPlatform } from '../node-platform.ts';
import type { ClientOptions } from '../options.ts';
import type { Lane } from '../plugin.ts';
import { lookerPayload, proveLooking } from './lookers-proof.ts';

/** How a looker is called with what the server tells by itself. */
export type Told = (data: unknown) => void;

/** One that looks at a server, on its lane, without being a client. Without `reconnect`: its user connects again. */
export class Looker {
  readonly #client: Client;
  readonly #lane: Lane;

  private constructor(client: Client, lane: Lane) {
    this.#client = client;
    this.#lane = lane;
  }

  /** Rejects as `connect()`, and `ERR_UNAUTHORIZED` for who may not look there. */
  static async open(
    options: ClientOptions,
    { token, timeout, told }: { readonly token: string | undefined; readonly timeout: number; readonly told?: Told },
  ): Promise<Looker> {
    const platform: typeof nodeClientPlatform = {
      ...nodeClientPlatform,
      dialer: (resolved) => ({
        ...nodeClientPlatform.dialer(resolved),
        prover: (link) => (question) => ({ answer: proveLooking(question, link, token), done() {} }),
      }),
    };
    const client = new Client({ ...options, reconnect: false }, platform, false);
    const lane = client.use<Lane, Lane>({
      name: 'busbar.inspect',
      install: (host) => ({ api: host.lane({ message: (data) => told?.(data) }) }),
    });
    await client.connect(lookerPayload, { timeout });
    return new Looker(client, lane);
  }

  /** Asks the server; rejects as `request()` does, and `ERR_PEER_LACKS_FEATURE` where it cannot be asked that. */
  ask(verb: string, about: object, timeout: number): Promise<unknown> {
    return this.#lane.request(this.#client, { ask: verb, ...about }, { timeout });
  }

  /** Called when it has ended, whichever end closed it. */
  onClose(listener: () => void): void {
    this.#client.on('close', listener);
  }

  close(): Promise<unknown> {
    return this.#client.close();
  }
}
