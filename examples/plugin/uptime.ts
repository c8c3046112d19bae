import { definePlugin, type PeerHandle } from 'busbar';

/** What `server.use(uptime)` returns. */
export interface UptimeServer {
  /** Milliseconds since the server was given the plugin. */
  readonly upMs: number;
  /** Tells every client that has the plugin. */
  announce(): Promise<void>;
}

/** What `client.use(uptime)` returns. */
export interface UptimeClient {
  /** Asks the server. */
  ask(): Promise<number>;
  /** The last announcement; undefined before the first one. */
  readonly announced: number | undefined;
}

/** How long the server has been up. */
export const uptime = definePlugin<UptimeServer, UptimeClient>({
  name: 'uptime',

  server(host) {
    const startedAt = host.clock.now();
    const upMs = (): number => Math.round(host.clock.now() - startedAt);
    const lane = host.lane({ request: upMs });
    return {
      api: {
        get upMs() {
          return upMs();
        },
        announce: () => lane.broadcast(host.peers, upMs()),
      },
    };
  },

  client(host) {
    let server: PeerHandle | undefined;
    let announced: number | undefined;
    const lane = host.lane({
      message(data) {
        announced = Number(data);
      },
    });
    host.onConnect((peer) => {
      server = peer;
    });
    return {
      api: {
        async ask() {
          if (server === undefined) throw new Error('Not connected yet');
          return Number(await lane.request(server, undefined));
        },
        get announced() {
          return announced;
        },
      },
    };
  },
});
