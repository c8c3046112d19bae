import { BusError } from '../../base/errors.ts';
import {
  definePlugin,
  type LaneSendOptions,
  type PeerHandle,
  type Plugin,
  type PluginHost,
  type PluginInstance,
} from '../../bus/plugin.ts';
import { settingsOf } from './call-transport.ts';
import { RpcHub } from './hub.ts';

/** The plugin behind `remote` and `proxy` on a `Client`, a `Connection` or a `Server`: calls are requests of its lane. */
export const busRpc: Plugin<RpcHub<PeerHandle>> = definePlugin({ name: 'rpc', server: install, client: install });

function install(host: PluginHost): PluginInstance<RpcHub<PeerHandle>> {
  const lane = host.lane({
    message: (data, peer) => hub.receive(peer, data),
    request: (data, context) => hub.answer(context.peer, data, context),
  });
  const hub = new RpcHub<PeerHandle>({
    clock: host.clock,
    open: (peer, { unclaimed }) => {
      const usual: LaneSendOptions = { unclaimed };
      return {
        ask: (call, ask) => {
          const given = settingsOf(ask);
          return lane.request(peer, call, given === undefined ? usual : { ...given, unclaimed });
        },
        send: (frame) => lane.send(peer, frame),
        // The bus itself rejects what was asked of a peer that is gone.
        close: () => undefined,
      };
    },
    report: (error, peer) => host.report(error, peer),
    suspicious: (peer, error) => host.report(error, peer),
  });
  host.onDisconnect((peer) => hub.gone(peer, new BusError('ERR_CLOSED', 'The session with the other side is over.')));
  return { api: hub };
}
