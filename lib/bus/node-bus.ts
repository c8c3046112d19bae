import { Client as PortableClient } from './client.ts';
import { Connection as PortableConnection } from './connection.ts';
import type { Contract, Untyped } from './contract.ts';
import { nodeClientPlatform, nodeServerPlatform } from './node-platform.ts';
import type { ClientOptions, ServerOptions } from './options.ts';
import { Server as PortableServer } from './server.ts';

/** A `Client` over unix sockets, pipes, TCP, TLS and memory. */
export class Client<C extends Contract = Untyped> extends PortableClient<C> {
  constructor(options?: ClientOptions) {
    super(options, nodeClientPlatform, new.target !== Client);
  }
}

/** A `Server` over unix sockets, pipes, TCP, TLS and memory. */
export class Server<C extends Contract = Untyped> extends PortableServer<C> {
  constructor(options?: ServerOptions<C>) {
    super(options, nodeServerPlatform, new.target !== Server);
  }
}

/** A client as its `Server` holds it. */
export const Connection = PortableConnection;
export type Connection<C extends Contract = Untyped> = PortableConnection<C>;
