import { definePlugin, type Plugin } from '../../bus/plugin.ts';
import { type ClientTransfers, installClient } from './client.ts';
import type { InterserveOptions } from './options.ts';
import { installServer, type ServerTransfers } from './server.ts';

export type { ClientTransfers, FailureCallback } from './client.ts';
export type {
  AddOptions,
  Handshake,
  Interrupt,
  ReceiveAs,
  ReceiveOptions,
  TransferInfo,
  TransferRequest,
} from './endpoint-registry.ts';
export type { InterserveOptions } from './options.ts';
export type { Sendable } from './payload/sendable.ts';
export type { EndpointStats } from './profile.ts';
export type { Receipt, Way } from './protocol.ts';
export type { ServerTransfers } from './server.ts';
export type { Progress, TransferEvents, TransferRecord, TransferStartRecord } from './transfer-events.ts';
export type { TransferHandle } from './transfer-handle.ts';

/**
 * Large and deferred transfers beside the bus: `server.use(interserve(options))` and `client.use(interserve())`. Options
 * are checked where the plugin is used, because each side has its own.
 */
export function interserve(options: InterserveOptions = {}): Plugin<ServerTransfers, ClientTransfers> {
  return definePlugin({
    name: 'interserve',
    server: (host) => installServer(host, options),
    client: (host) => installClient(host, options),
  });
}
