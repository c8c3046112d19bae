import { guarded } from '../../../base/guarded.ts';
import { BusError } from '../../../base/errors.ts';
import type { Given } from '../../../base/options.ts';
import { resolveOptions } from '../../../base/options.ts';
import type { LaneSendOptions, PluginHost } from '../../../bus/plugin.ts';
import { token } from '../../../base/random.ts';
import { OwnerEnd } from '../ends/owner-end.ts';
import { UserEnd } from '../ends/user-end.ts';
import { OfflineRooms } from '../offline/offline-rooms.ts';
import type { OfflineNetwork } from '../offline/offline-network.ts';
import { createTable, enterTable, type RelayOptions } from '../options.ts';
import { ChannelError, Reason } from '../reason.ts';
import type { RoomInfo } from '../relay/relay.ts';
import { type Subscription, Subscriptions, type TopicListener } from '../topics/subscriptions.ts';
import { checkTopic } from '../topics/topic-tree.ts';
import { BusRooms } from './bus-rooms.ts';
import {
  addOwnerCallbacks,
  addUserCallbacks,
  isUndecided,
  modeOf,
  type OwnerCallbacks,
  ownerCallbackTable,
  undecided,
  type UserCallbacks,
  userCallbackTable,
} from './callbacks.ts';

export type OwnerOptions = Given<typeof createTable> & OwnerCallbacks;
export type UserOptions = Given<typeof enterTable> & UserCallbacks;

/** What a client can do with channels and topics. */
export class Rooms {
  readonly #host: PluginHost;
  readonly #bus: BusRooms;
  readonly #offline: OfflineRooms;
  readonly #subscriptions: Subscriptions;

  constructor(host: PluginHost, network: OfflineNetwork, options: RelayOptions) {
    this.#host = host;
    this.#subscriptions = new Subscriptions({
      wanted: (pattern, wanted) => this.#tell([wanted ? 'subscribe' : 'unsubscribe', pattern]),
      failed: (error) => host.report(error),
    });
    this.#bus = new BusRooms(host, this.#subscriptions);
    this.#offline = new OfflineRooms(network, host.clock, options, token(host.random));
    host.onConnect(() => {
      for (const pattern of this.#subscriptions.patterns) this.#tell(['subscribe', pattern]);
    });
    host.onClose(() => this.closeAll());
  }

  /**
   * Opens a channel. Rejects `ERR_CHANNEL` with the reason: `ID` (there is one, or the relay refuses), `MAX`,
   * `DISCONNECT` (not connected); `ERR_TIMEOUT`, `ERR_ABORTED`, `ERR_INVALID_OPTION`.
   */
  create(id: string, options: OwnerOptions = {}): Promise<OwnerEnd> {
    return handled(this.#create(id, options), options.onError);
  }

  /**
   * Enters a channel. Rejects `ERR_CHANNEL` with the reason: `ID` (no such channel, entered already, or the relay
   * refuses), `FULL`, `MAX`, `KICK` (blocked), `MALICIOUS` (it is one's own), `DISCONNECT`; `ERR_TIMEOUT` and others.
   */
  enter(id: string, options: UserOptions = {}): Promise<UserEnd> {
    return handled(this.#enter(id, options), options.onError);
  }

  /** The channels of the relay that are not hidden. */
  async list(options: LaneSendOptions = {}): Promise<RoomInfo[]> {
    return this.#bus.list(options);
  }

  /**
   * Sends `data` to everybody who subscribed to the topic, this client included. Resolves when the session accepted it;
   * rejects `ERR_INVALID_ARGUMENT` for a topic that is none, `ERR_CHANNEL` when not connected.
   */
  async publish(topic: string, data: unknown): Promise<void> {
    checkTopic(topic);
    const { relay } = this.#bus;
    if (relay === undefined) throw new ChannelError(Reason.DISCONNECT, 'The client is not connected to a relay.');
    await this.#bus.lane.send(relay, ['publish', topic, data]);
  }

  /** Calls `listener` for each topic that fits: `*` stands for one segment, a last `>` for one or more. */
  subscribe(pattern: string, listener: TopicListener): Subscription {
    return this.#subscriptions.add(pattern, listener);
  }

  /** Leaves every channel and closes one's own. */
  closeAll(): void {
    this.#bus.closeAll();
    this.#offline.closeAll();
  }

  async #create(id: string, options: OwnerOptions): Promise<OwnerEnd> {
    checkId(id);
    const resolved = resolveOptions('create()', { ...createTable, ...ownerCallbackTable }, options);
    const { maxHeldBytes, timeout, signal, offline, netLag, netSpeed, mode } = resolved;
    const end = new OwnerEnd({
      id,
      mode: mode ?? modeOf(options),
      maxChunkBytes: undefined,
      maxHeldBytes,
      clock: this.#host.clock,
      failed: (error) => this.#host.report(error),
    });
    const limits = asked(options);
    try {
      if (offline) await this.#offline.create(end, limits, { netLag, netSpeed });
      else await this.#bus.create(end, limits, { timeout, signal });
    } catch (error) {
      if (error instanceof ChannelError) this.#call(() => options.onError?.(end, -1, error.reason));
      throw error;
    }
    this.#call(() => options.onCreate?.(end));
    addOwnerCallbacks(end, options);
    return end;
  }

  async #enter(id: string, options: UserOptions): Promise<UserEnd> {
    checkId(id);
    const resolved = resolveOptions('enter()', { ...enterTable, ...userCallbackTable }, options);
    const { maxHeldBytes, timeout, signal, offline, netLag, netSpeed, mode, maxChunkSize } = resolved;
    const end = new UserEnd({
      id,
      mode: mode ?? modeOf(options),
      maxChunkBytes: maxChunkSize,
      maxHeldBytes,
      clock: this.#host.clock,
      failed: (error) => this.#host.report(error),
    });
    try {
      if (offline) await this.#offline.enter(end, maxChunkSize, { netLag, netSpeed });
      else await this.#bus.enter(end, maxChunkSize, { timeout, signal });
      if (isUndecided(options) && end.owner?.joint === true) {
        end.leave();
        throw undecided();
      }
    } catch (error) {
      if (error instanceof ChannelError) this.#call(() => options.onError?.(end, error.reason));
      throw error;
    }
    this.#call(() => options.onEnter?.(end));
    addUserCallbacks(end, options);
    return end;
  }

  #call(callback: () => unknown): void {
    guarded(callback, this.#host.report);
  }

  #tell(note: readonly ['subscribe' | 'unsubscribe', string]): void {
    const { relay } = this.#bus;
    if (relay !== undefined) this.#bus.lane.send(relay, note).catch((error: unknown) => this.#host.report(error));
  }
}

const limitNames = [
  'maxUsers',
  'maxChunkSize',
  'maxPayloadBytes',
  'maxPendingBytes',
  'messagesPerSecond',
  'bytesPerSecond',
  'flood',
  'listed',
] as const;

function checkId(id: unknown): void {
  if (typeof id !== 'string') throw new BusError('ERR_INVALID_ARGUMENT', 'A channel has a string as its id.');
}

/** The limits that were given; the relay knows the others. */
function asked(options: OwnerOptions): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const name of limitNames) if (options[name] !== undefined) given[name] = options[name];
  return given;
}

/** Whoever gave `onError` hears of a refusal there, and need not wait for the promise. */
function handled<T>(opening: Promise<T>, onError: unknown): Promise<T> {
  if (onError !== undefined) opening.catch(() => undefined);
  return opening;
}
