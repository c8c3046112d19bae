import { BusError } from '../../base/errors.ts';
import type { PeerHandle, Plugin } from '../../bus/plugin.ts';
import { callPort, type HasCallPort } from '../channels/internal.ts';
import { busRpc } from './bus-hub.ts';
import { channelHub, type ChannelHub } from './channel-hub.ts';
import type { LaneHub } from './lane-hub.ts';

/** A `Client` or a `Server`, as far as remote objects need them. */
export interface BusEnd {
  use<ServerApi, ClientApi>(plugin: Plugin<ServerApi, ClientApi>): ServerApi | ClientApi;
}

/** A `Connection`. */
export interface ServerSide extends PeerHandle {
  readonly server: object;
}

/** An end of a channel. */
export type Ends = HasCallPort;
/** What speaks to the peer without a channel. */
export type Bus = BusEnd | ServerSide;

export type ResolvedEnd = ({ readonly type: 'channel' } & ChannelHub) | ResolvedBus;

export interface ResolvedBus extends LaneHub {
  readonly type: 'bus';
  /** undefined on a server, which has many. */
  readonly peer: PeerHandle | undefined;
  /** Whether another session with the peer follows one that is lost. */
  readonly comesBack: boolean;
}

/** Each end's hub, made with its first remote object or proxy; they live and go with their ends. */
const channelHubs = new WeakMap<object, ChannelHub>();
const busHubs = new WeakMap<object, LaneHub>();

/** @throws BusError `ERR_INVALID_ARGUMENT` for what is not an end, `ERR_STATE` for a channel that is over. */
export function endOf(end: Ends | Bus): ResolvedEnd {
  if (typeof end !== 'object' || end === null) throw notAnEnd();
  if (callPort in end) {
    let hub = channelHubs.get(end);
    if (hub === undefined) {
      hub = channelHub(end[callPort]);
      channelHubs.set(end, hub);
    }
    return { type: 'channel', ...hub };
  }
  if ('server' in end && isBus(end.server)) return { type: 'bus', ...hubOf(end.server), peer: end, comesBack: false };
  if (!isBus(end)) throw notAnEnd();
  const comesBack = 'delivery' in end;
  return { type: 'bus', ...hubOf(end), peer: comesBack ? (end as BusEnd & PeerHandle) : undefined, comesBack };
}

function hubOf(bus: BusEnd): LaneHub {
  const known = busHubs.get(bus);
  if (known !== undefined) return known;
  const hub = bus.use(busRpc);
  busHubs.set(bus, hub);
  return hub;
}

function isBus(value: unknown): value is BusEnd {
  return typeof value === 'object' && value !== null && 'use' in value && typeof value.use === 'function';
}

function notAnEnd(): BusError {
  return new BusError('ERR_INVALID_ARGUMENT', 'Remote objects need a channel end, a Client, a Connection or a Server');
}
