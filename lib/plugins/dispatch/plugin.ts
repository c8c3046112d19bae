import process from 'node:process';
import { definePlugin, type Plugin } from '../../bus/plugin.ts';
import { BusAdapter } from './bus-adapter.ts';
import { DispatchPorts } from './dispatch-client.ts';
import type { DispatchOptions } from './options.ts';
import type { Statistics } from './ports.ts';
import { DispatchService } from './service.ts';

/** What `server.use(dispatch())` returns. */
export interface DispatchServer {
  /** Port for WebSocket drivers while it listens; undefined without one. */
  readonly webPort: number | undefined;
  statistics(): Statistics;
  /** Prometheus text. */
  metrics(): Promise<string>;
}

/**
 * TCP and UDP ports on demand. On a server: opens them for drivers on the bus and, given `port`, for WebSocket drivers;
 * the options are for this side. On a client: asks the server for ports.
 * @throws BusError `ERR_INVALID_OPTION` on installation.
 */
export function dispatch(options: DispatchOptions = {}): Plugin<DispatchServer, DispatchPorts> {
  return definePlugin<DispatchServer, DispatchPorts>({
    name: 'dispatch',
    server(host) {
      const { clock, random, tls, report } = host;
      const service = new DispatchService(options, { clock, random, environment: process.env, tls, report });
      void new BusAdapter(host, service);
      host.onStart(() => service.start());
      host.onClose(() => service.close());
      return {
        api: {
          get webPort() {
            return service.webPort;
          },
          statistics: () => service.statistics(),
          metrics: () => service.metrics(),
        },
        dispose: () => service.close(),
        stats: () => service.counts(),
      };
    },
    client(host) {
      const ports = new DispatchPorts(host);
      host.onClose(() => ports.close());
      return { api: ports, dispose: () => ports.close(), stats: () => ({ ports: ports.size }) };
    },
  });
}
