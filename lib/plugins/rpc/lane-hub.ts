import { BusError } from '../../base/errors.ts';
import type { Lane, LaneSendOptions, PeerHandle, PluginHost } from '../../bus/plugin.ts';
import { usualAsk } from './call-options.ts';
import { failureOf, methodOf } from './frame.ts';
import { RpcHub } from './hub.ts';

/** The remote objects of a bus end, and the lane of its plugin that carries their calls. */
export interface LaneHub {
  readonly hub: RpcHub<PeerHandle>;
  readonly lane: Lane;
  readonly select: PluginHost['select'];
}

/** Calls are requests of the lane of the plugin that `host` is of. */
export function laneHub(host: PluginHost): LaneHub {
  const lane = host.lane({
    message: (data, peer) => hub.receive(peer, data),
    request: (data, context) => hub.answer(context.peer, data, context),
    nameOf: methodOf,
    failureOf,
  });
  const hub = new RpcHub<PeerHandle>({
    clock: host.clock,
    open: (peer, { unclaimed }) => {
      const usual: LaneSendOptions = { unclaimed };
      return {
        ask: (call, ask) => {
          if (ask === usualAsk) return lane.request(peer, call, usual);
          const { timeoutMs: timeout = 0, signal, withdrawal } = ask;
          return lane.request(peer, call, { timeout, signal, withdrawal, unclaimed });
        },
        send: (frame) => lane.send(peer, frame),
        // The bus itself rejects with what was asked of a peer that is gone.
        close: () => undefined,
      };
    },
    report: (error, peer) => host.report(error, peer),
    suspicious: (peer, error) => host.report(error, peer),
  });
  host.onDisconnect((peer) => hub.gone(peer, new BusError('ERR_CLOSED', 'The session with the peer has ended')));
  return { hub, lane, select: host.select };
}
