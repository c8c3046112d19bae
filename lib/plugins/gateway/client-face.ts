import type { PluginHost } from '../../bus/plugin.ts';
import { BegunInbox } from './begun-inbox.ts';
import type { EventSourceOptions } from './event-source.ts';
import { FrameReader } from './face-message.ts';
import { GatewayLine } from './gateway-line.ts';
import type { RequestDetails } from './http-exchange.ts';
import { RemoteHttp } from './remote-http.ts';
import { RemoteWebSocket } from './remote-websocket.ts';
import type { UpgradeDetails } from './upgrade-gate.ts';

/** What `client.use(gateway())` returns. */
export interface RemoteWeb {
  readonly http: RemoteHttp;
  readonly websocket: RemoteWebSocket;
}

const nothing = Buffer.alloc(0);

/** A peer's side: sorts what the gateway tells into the two remote servers. */
export class ClientFace {
  readonly api: RemoteWeb;

  constructor(host: PluginHost, settings: EventSourceOptions) {
    const inbox = new BegunInbox<FrameReader>(
      host.clock,
      (count) => line.post(['begun', count]),
      (frame) => this.#receive(frame),
    );
    const lane = host.lane({
      message: (data) => {
        const frame = new FrameReader(data);
        if (frame.kind !== 'expelled') return inbox.push(frame);
        end();
        begin();
      },
    });
    const line = new GatewayLine(host, lane);
    this.api = { http: new RemoteHttp(line, settings), websocket: new RemoteWebSocket(line, settings) };
    const begin = (): void => {
      this.api.http.sessionStarted();
      this.api.websocket.sessionStarted();
    };
    const end = (): void => {
      inbox.reset();
      this.api.http.sessionEnded();
      this.api.websocket.sessionEnded();
    };
    host.onConnect((peer) => {
      inbox.reset();
      line.connected(peer);
      begin();
    });
    host.onDisconnect(() => {
      line.disconnected();
      end();
    });
    if (line.open) begin();
  }

  dispose(): void {
    this.api.http.dispose();
    this.api.websocket.dispose();
  }

  #receive(frame: FrameReader): void {
    const { http, websocket } = this.api;
    switch (frame.kind) {
      case 'request':
        return http.receiveRequest(frame.text(), frame.record() as unknown as RequestDetails);
      case 'whole': {
        const id = frame.text();
        http.receiveRequest(id, frame.record() as unknown as RequestDetails);
        return http.receiveBody(id, nothing, true);
      }
      case 'data':
        return http.receiveBody(frame.text(), frame.bytes(), false);
      case 'finished':
        return http.receiveBody(frame.text(), frame.bytes(), true);
      case 'aborted':
        return http.receiveAborted(frame.text());
      case 'client':
        return websocket.receiveClient(frame.text(), frame.record() as unknown as UpgradeDetails);
      case 'message': {
        const [id, isBinary] = [frame.text(), frame.flag()];
        return websocket.receiveMessage(id, isBinary, frame.bytes());
      }
      case 'closed':
        return websocket.receiveClosed(frame.text(), frame.count(), frame.text());
      case 'drained':
        return websocket.receiveNotice('WEBSOCKET_DRAINED', frame.text(), '');
      case 'dropped':
        return websocket.receiveNotice('WEBSOCKET_DROPPED', frame.text(), frame.text());
      case 'server': {
        const face = frame.text() === 'http' ? http : websocket;
        const event = frame.text() === 'started' ? 'SERVER_STARTED_LISTENING' : 'SERVER_STOPPED_LISTENING';
        return face.receiveServer(event, frame.text());
      }
      default:
        // A later gateway may tell more than this worker knows.
        return;
    }
  }
}
