import { Client as PortableClient } from '../bus/client/client.ts';
import type { Contract, Untyped } from '../bus/contract.ts';
import type { ClientOptions } from '../bus/options.ts';
import { browserPlatform } from './browser-platform.ts';

/** The bus client of a web page: `new Client({ url: 'wss://host/bus' })`, otherwise the same as in Node. */
export class Client<C extends Contract = Untyped> extends PortableClient<C> {
  /** @throws BusError `ERR_INVALID_OPTION`. */
  constructor(options?: ClientOptions) {
    // The small codec of pages knows no records, and their links are upgraded by the platform.
    super({ ...options, trusted: false, handshake: false }, browserPlatform, new.target !== Client);
  }
}
