import { BusError } from '../../base/errors.ts';
import { definePlugin, type PeerHandle, type Plugin, type PluginHost, type PluginInstance } from '../../bus/plugin.ts';
import { RpcHub } from './hub.ts';

/** The plugin behind `remote` and `proxy` on a `Client`, a `Connection` or a `Server`. */
export const busRpc: Plugin<RpcHub<PeerHandle>> = definePlugin({ name: 'rpc', server: install, client: install });

function install(host: PluginHost): PluginInstance<RpcHub<PeerHandle>> {
  const lane = host.lane({
    message: (data, peer) => hub.receive(peer, data),
    // Somebody asks whether calls are understood here.
    request: () => null,
  });
  const hub = new RpcHub<PeerHandle>({
    clock: host.clock,
    send: (peer, frame) => lane.send(peer, frame),
    greet: (peer) => lane.request(peer, null, { timeout: 0 }),
    report: (error, peer) => host.report(error, peer),
    suspicious: (peer, error) => host.report(error, peer),
  });
  host.onDisconnect((peer) => hub.gone(peer, new BusError('ERR_CLOSED', 'The session with the other side is over.')));
  return { api: hub };
}
