import type { Traffic } from '../../session/traffic.ts';
import type { PeerEvents } from '../events.ts';
import type { PeerHandle } from '../plugin.ts';
import type { Plugins } from '../plugins.ts';
import type { BugReport } from '../requests/incoming.ts';
import type { Connection } from './connection.ts';

/** The server that is told, and its parts. */
interface ToldServer {
  readonly plugins: Plugins;
  /** Of the connections that went. */
  readonly traffic: Traffic<PeerHandle | undefined>;
  readonly report: BugReport;
  fire(event: 'link' | 'slow' | 'disconnect', ...args: readonly unknown[]): void;
}

/** What becomes of what happens to the connections of a server, beside what their peers say and ask. */
export function lifeEvents({
  plugins,
  traffic,
  report,
  fire,
}: ToldServer): Omit<PeerEvents<Connection>, 'watchers' | 'messageFrom' | 'requestFrom'> {
  return {
    errorOf: (connection, error) => report(error, connection),
    linkChanged: (connection, up) => plugins.linkChanged(connection, up),
    linkSeen: (connection, up) => {
      connection.tell('link', up);
      fire('link', connection, up);
    },
    slow: (connection, info) => {
      connection.tell('slow', info);
      fire('slow', info);
    },
    undelivered: (connection, messages) => connection.tell('undelivered', messages),
    sessionOver: (connection, reason) => {
      traffic.addPeer(connection.conversation);
      plugins.disconnected(connection, reason);
      fire('disconnect', connection, reason);
    },
  };
}
