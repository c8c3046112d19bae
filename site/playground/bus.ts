import { BusError } from '../../lib/base/errors.ts';
import { Client as PortableClient } from '../../lib/bus/client/client.ts';
import type { SessionInfo } from '../../lib/bus/events.ts';
import type { ClientOptions, ServerOptions } from '../../lib/bus/options.ts';
import type { Platform, ServerPlatform } from '../../lib/bus/platform.ts';
import { Server as PortableServer } from '../../lib/bus/server/server.ts';
import { parseAddress } from '../../lib/transport/address.ts';
import type { Wires } from './wires.ts';

/** Who hears what the clients and servers of the page do. */
export interface Audience {
  client(number: number): void;
  sent(number: number): void;
  arrived(): void;
  session(number: number, outcome: SessionInfo['outcome']): void;
}

const platform: Platform = { compression: undefined };

/** In a page everybody is the same user. */
const identify: ServerPlatform['identify'] = () =>
  Promise.reject(new BusError('ERR_PEER_LACKS_FEATURE', 'A page has no users'));

function memoryAddress(url: string | undefined) {
  const address = url === undefined ? undefined : parseAddress(url);
  if (address?.kind === 'memory') return address;
  throw new BusError('ERR_INVALID_OPTION', 'In a page there are addresses such as memory:shop alone');
}

/** What `import … from 'busbar'` gives in the playground: the real classes, over the wires of the page. */
export function busOn(wires: Wires, audience: Audience) {
  let clients = 0;

  class Client extends PortableClient {
    readonly #number: number;

    constructor(options?: ClientOptions) {
      const number = clients++;
      const dialer = ({ url, clock }: ClientOptions & { readonly clock: PortableClient['options']['clock'] }) => {
        const address = memoryAddress(url);
        return {
          dial: (signal: AbortSignal) => wires.dialFrom(number, address, clock, signal),
          host: 'localhost',
        };
      };
      super({ ...options, trusted: false, handshake: false }, { ...platform, dialer }, false);
      this.#number = number;
      audience.client(number);
      this.on('session', ({ outcome }) => audience.session(number, outcome));
    }

    override send(...args: Parameters<PortableClient['send']>): Promise<void> {
      audience.sent(this.#number);
      return super.send(...args);
    }
  }

  class Server extends PortableServer {
    constructor(options?: ServerOptions) {
      const listener = ({ url, clock }: PortableServer['options']) => {
        const address = memoryAddress(url);
        return (_takeover: boolean, events: Parameters<Wires['listen']>[2]) =>
          Promise.resolve(wires.listen(address, clock, events));
      };
      super({ ...options, trusted: false }, { ...platform, listener, identify }, false);
      this.on('message', () => audience.arrived());
    }
  }

  return { Client, Server, BusError };
}
