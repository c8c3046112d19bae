import { BusError } from '../../../base/errors.ts';
import { guarded } from '../../../base/handling.ts';
import { type Given, type Resolved, resolveOptions } from '../../../base/options.ts';
import { token } from '../../../base/random.ts';
import type { LaneSendOptions, PluginHost, PluginInstance } from '../../../bus/plugin.ts';
import type { EndOptions } from '../ends/channel-end.ts';
import { OwnerEnd } from '../ends/owner-end.ts';
import { UserEnd } from '../ends/user-end.ts';
import type { RoomInfo } from '../lane-messages.ts';
import { type OfflineNetwork, OfflineRooms } from './offline-rooms.ts';
import { createTable, type endRows, enterTable } from '../options.ts';
import { ChannelError } from '../reason.ts';
import type { ChannelsOptions } from '../relay-options.ts';
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

/**
 * The plugin on a client. `given`: what the user gave, of which nothing is a client's.
 * @throws BusError `ERR_INVALID_OPTION`.
 */
export function roomsPlugin(host: PluginHost, given: ChannelsOptions, network: OfflineNetwork): PluginInstance<Rooms> {
  const [meaningless] = Object.keys(given);
  if (meaningless !== undefined) {
    throw new BusError(
      'ERR_INVALID_OPTION',
      `channels() option "${meaningless}" is the relay's: give it to server.use()`,
    );
  }
  const rooms = new Rooms(host, network);
  return { api: rooms, dispose: () => rooms.closeAll() };
}

/** What a client can do with channels and topics. */
export class Rooms {
  readonly #host: PluginHost;
  readonly #bus: BusRooms;
  readonly #offline: OfflineRooms;
  readonly #subscriptions: Subscriptions;

  constructor(host: PluginHost, network: OfflineNetwork) {
    this.#host = host;
    this.#subscriptions = new Subscriptions({
      wanted: (pattern, wanted) => this.#tell([wanted ? 'subscribe' : 'unsubscribe', pattern]),
      failed: (error) => host.report(error),
    });
    this.#bus = new BusRooms(host, this.#subscriptions);
    this.#offline = new OfflineRooms(network, host.clock, token(host.random));
    host.onConnect(() => {
      for (const pattern of this.#subscriptions.patterns) this.#tell(['subscribe', pattern]);
    });
    host.onClose(() => this.closeAll());
  }

  /**
   * Opens a channel. Rejects with `ERR_CHANNEL` with the reason: `ID` (there is one, or the relay refuses), `MAX`,
   * `DISCONNECT` (not connected); `ERR_TIMEOUT`, `ERR_ABORTED`, `ERR_INVALID_OPTION`.
   */
  create(id: string, options: OwnerOptions = {}): Promise<OwnerEnd> {
    return handled(this.#create(id, options), options.onError);
  }

  /**
   * Enters a channel. Rejects with `ERR_CHANNEL` with the reason: `ID` (no such channel, entered already, or the relay
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
   * rejects with `ERR_INVALID_ARGUMENT` for an invalid topic, `ERR_CHANNEL` when not connected.
   */
  async publish(topic: string, data: unknown): Promise<void> {
    checkTopic(topic);
    await this.#bus.lane.send(this.#bus.reachable(), ['publish', topic, data]);
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
    const resolved = resolveOptions('create()', { ...createTable, ...ownerCallbackTable }, options);
    const end = new OwnerEnd(this.#endOptions(id, resolved, options));
    const limits = asked(options);
    try {
      await (resolved.offline ? this.#offline : this.#bus).create(end, limits, resolved);
    } catch (error) {
      if (error instanceof ChannelError) this.#call(() => options.onError?.(end, -1, error.reason));
      throw error;
    }
    this.#call(() => options.onCreate?.(end));
    addOwnerCallbacks(end, options);
    return end;
  }

  async #enter(id: string, options: UserOptions): Promise<UserEnd> {
    const resolved = resolveOptions('enter()', { ...enterTable, ...userCallbackTable }, options);
    const { maxChunkSize } = resolved;
    const end = new UserEnd({ ...this.#endOptions(id, resolved, options), maxChunkBytes: maxChunkSize });
    try {
      await (resolved.offline ? this.#offline : this.#bus).enter(end, maxChunkSize, resolved);
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

  #endOptions(
    id: unknown,
    { mode, maxHeldBytes }: Pick<Resolved<typeof endRows>, 'mode' | 'maxHeldBytes'>,
    callbacks: Parameters<typeof modeOf>[0],
  ): EndOptions {
    if (typeof id !== 'string') throw new BusError('ERR_INVALID_ARGUMENT', 'A channel id must be a string');
    return {
      id,
      mode: mode ?? modeOf(callbacks),
      maxChunkBytes: undefined,
      maxHeldBytes,
      clock: this.#host.clock,
      failed: (error) => this.#host.report(error),
    };
  }

  #call(callback: () => unknown): void {
    guarded(callback, this.#host.report);
  }

  #tell(message: readonly ['subscribe' | 'unsubscribe', string]): void {
    const { relay } = this.#bus;
    if (relay !== undefined) this.#bus.lane.send(relay, message).catch((error: unknown) => this.#host.report(error));
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

/** The limits that were given; the relay knows the others. */
function asked(options: OwnerOptions): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const name of limitNames) if (options[name] !== undefined) given[name] = options[name];
  return given;
}

/** With `onError`, the promise may be ignored: `onError` gets a refusal too. */
function handled<T>(opening: Promise<T>, onError: unknown): Promise<T> {
  if (onError !== undefined) opening.catch(() => undefined);
  return opening;
}
