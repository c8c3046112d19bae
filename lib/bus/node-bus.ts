import { Client as PortableClient } from './client.ts';
import type { Contract } from './contract.ts';
import { nodeClientPlatform, nodeServerPlatform } from './node-platform.ts';
import type { ClientOptions, ServerOptions } from './options.ts';
import { Server as PortableServer } from './server.ts';

/** A `Client` over unix sockets, pipes, TCP, TLS and memory. */
export class Client<C extends Contract = Contract> extends PortableClient<C> {
  constructor(options?: ClientOptions) {
    super(options, nodeClientPlatform);
  }
}

/** A `Server` over unix sockets, pipes, TCP, TLS and memory. */
export class Server<C extends Contract = Contract> extends PortableServer<C> {
  constructor(options?: ServerOptions) {
    super(options, nodeServerPlatform);
  }
}
