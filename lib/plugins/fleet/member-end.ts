import { BusError } from '../../base/errors.ts';
import type { Lane, PeerHandle, Plugin, PluginHost } from '../../bus/plugin.ts';
import { word } from './word.ts';

/** A client, as far as this concerns it. */
interface User {
  use<Api>(plugin: Plugin<never, Api>): Api;
}

/** A client's end: what it tells its fleet, and does before it ends. */
class MemberEnd {
  readonly #host: PluginHost;
  readonly #lane: Lane;
  readonly #hooks = new Set<() => unknown>();

  constructor(host: PluginHost) {
    this.#host = host;
    this.#lane = host.lane({
      request: (said) => {
        if (said === word.ready) return true;
        if (said === word.stop) return this.#stop();
        throw new BusError('ERR_PROTOCOL', 'Not a message of a fleet');
      },
    });
  }

  async ready(client: PeerHandle): Promise<void> {
    await this.#lane.request(client, word.ready);
  }

  onStop(hook: () => unknown): () => void {
    const own = (): unknown => hook();
    this.#hooks.add(own);
    return () => void this.#hooks.delete(own);
  }

  async #stop(): Promise<boolean> {
    for (const hook of [...this.#hooks].reverse()) {
      try {
        await hook();
      } catch (error) {
        this.#host.report(error);
      }
    }
    return true;
  }
}

const member: Plugin<never, MemberEnd> = {
  name: 'fleet',
  install: (host) => {
    if (host.side === 'server') throw new BusError('ERR_PLUGIN', 'A fleet is made by fleet({ … })');
    return { api: new MemberEnd(host) };
  },
};

const ends = new WeakMap<object, MemberEnd>();

function endOf(client: unknown): MemberEnd {
  if (typeof client !== 'object' || client === null || !('use' in client) || typeof client.use !== 'function') {
    throw new BusError('ERR_INVALID_ARGUMENT', 'The client of a process of a fleet is a Client');
  }
  const known = ends.get(client);
  if (known !== undefined) return known;
  const end = (client as unknown as User).use(member);
  ends.set(client, end);
  return end;
}

/**
 * Tells the fleet that this process is ready, for groups with `ready: 'signal'`; `client` is the one of the parent. Resolves when the
 * fleet has it; before `connect()` it waits for that. Rejects with `ERR_PEER_LACKS_FEATURE` where the server has no fleet,
 * `ERR_INVALID_ARGUMENT`, and as `Client.request` does.
 */
export async function fleetReady(client: PeerHandle): Promise<void> {
  await endOf(client).ready(client);
}

/**
 * Has the fleet, when it ends this process, wait for what `hook` returns before it closes `client`: so that a server of this process can
 * close first, while what it needs of the bus is still there. Hooks run one after the other, the last one first, within half of
 * `stopTimeoutMs`; what they fail with goes to `error` of the client. Returns how to take the hook away.
 * @throws BusError `ERR_INVALID_ARGUMENT`.
 */
export function fleetStop(client: PeerHandle, hook: () => unknown): () => void {
  if (typeof hook !== 'function') throw new BusError('ERR_INVALID_ARGUMENT', 'fleetStop needs a function');
  return endOf(client).onStop(hook);
}
