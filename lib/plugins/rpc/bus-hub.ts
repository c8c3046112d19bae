import { BusError } from '../../base/errors.ts';
import type { AskOptions } from '../../bus/ask-options.ts';
import {
  definePlugin,
  type LaneSendOptions,
  type PeerHandle,
  type Plugin,
  type PluginHost,
  type PluginInstance,
} from '../../bus/plugin.ts';
import { usualAsk } from './call-options.ts';
import { RpcHub } from './hub.ts';

/** The plugin behind `remote` and `proxy` on a `Client`, a `Connection` or a `Server`: calls are requests of its lane. */
export const busRpc: Plugin<RpcHub<PeerHandle>> = definePlugin({ name: 'rpc', server: install, client: install });

function install(host: PluginHost): PluginInstance<RpcHub<PeerHandle>> {
  const lane = host.lane({
    message: (data, peer) => hub.receive(peer, data),
    request: (data, { peer }) => hub.answer(peer, data),
  });
  const hub = new RpcHub<PeerHandle>({
    open: (peer) => ({
      ask: (call, ask) => lane.request(peer, call, laneOptions(ask)),
      send: (frame) => lane.send(peer, frame),
      // The bus itself rejects what was asked of a peer that is gone.
      close: () => undefined,
    }),
    report: (error, peer) => host.report(error, peer),
    suspicious: (peer, error) => host.report(error, peer),
  });
  host.onDisconnect((peer) => hub.gone(peer, new BusError('ERR_CLOSED', 'The session with the other side is over.')));
  return { api: hub };
}

function laneOptions(ask: AskOptions): LaneSendOptions | undefined {
  return ask === usualAsk ? undefined : { timeout: ask.timeoutMs ?? 0, signal: ask.signal };
}
