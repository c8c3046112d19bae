import type { PluginHost } from '../../bus/plugin.ts';
import type { EventSourceOptions } from './event-source.ts';
import { GatewayConnection } from './gateway-connection.ts';
import { serverClientId } from './gateway-event.ts';
import { RemoteHttp } from './remote-http.ts';
import { RemoteWebSocket } from './remote-websocket.ts';

/** What `client.use(gateway())` returns. */
export interface RemoteWeb {
  readonly http: RemoteHttp;
  readonly websocket: RemoteWebSocket;
}

/** A worker's end of the bus: sorts what the gateway tells into the two remote servers. */
export class WorkerClient {
  readonly api: RemoteWeb;

  constructor(host: PluginHost, settings: EventSourceOptions) {
    const connection = new GatewayConnection(host);
    this.api = {
      http: new RemoteHttp(connection, settings),
      websocket: new RemoteWebSocket(connection, settings),
    };
    const { http, websocket } = this.api;
    const both = [http, websocket];
    connection.attach({
      started: () => {
        for (const remote of both) remote.sessionStarted();
      },
      ended: () => {
        for (const remote of both) remote.sessionEnded();
      },
      event: (frame) => {
        if (frame[1] === serverClientId) (frame[3] === 'http' ? http : websocket).receive(frame);
        else for (const remote of both) remote.receive(frame);
      },
    });
  }

  dispose(): void {
    this.api.http.dispose();
    this.api.websocket.dispose();
  }
}
