import type { ChannelRequest, RelayOptions, Requester } from '../options.ts';
import { createTable } from '../options.ts';
import type { RoomLimits } from './room-limits.ts';

const largestHeader = 536_870_912;

/** What the operator of the relay allows: who may do what, and how large a room may be made. */
export class Gatekeeper {
  readonly #options: RelayOptions;
  readonly #report: (error: unknown) => void;

  constructor(options: RelayOptions, report: (error: unknown) => void) {
    this.#options = options;
    this.#report = report;
  }

  /** Nobody is asked: everything is admitted, in the same turn. */
  get open(): boolean {
    return this.#options.authorize === undefined;
  }

  /** Asks `authorize`; a throw or a rejection is a no that is also reported. */
  async admits(action: ChannelRequest['action'], id: string, peer: Requester): Promise<boolean> {
    const { authorize } = this.#options;
    if (authorize === undefined) return true;
    try {
      return (await authorize({ action, id, peer })) === true;
    } catch (error) {
      this.#report(error);
      return false;
    }
  }

  /** By what a block knows this peer again, if the operator says so. */
  key(peer: Requester): string | undefined {
    return this.#options.identify?.(peer);
  }

  /** What the owner asked for, within what the operator allows. */
  limits(asked: Readonly<Record<string, unknown>>): RoomLimits {
    const { maxUsers, maxPayloadBytes, maxPendingBytes, messagesPerSecond, bytesPerSecond, flood } = this.#options;
    return {
      maxUsers: within(asked['maxUsers'], createTable.maxUsers.default, maxUsers),
      maxChunkBytes: within(
        asked['maxChunkSize'],
        createTable.maxChunkSize.default,
        Math.min(maxPayloadBytes, largestHeader),
      ),
      maxPayloadBytes: within(asked['maxPayloadBytes'], createTable.maxPayloadBytes.default, maxPayloadBytes),
      maxPendingBytes: within(asked['maxPendingBytes'], createTable.maxPendingBytes.default, maxPendingBytes),
      flood: {
        messagesPerSecond: within(asked['messagesPerSecond'], createTable.messagesPerSecond.default, messagesPerSecond),
        bytesPerSecond: within(asked['bytesPerSecond'], createTable.bytesPerSecond.default, bytesPerSecond),
        consequence: asked['flood'] === 'drop' ? 'drop' : asked['flood'] === 'kick' ? 'kick' : flood,
      },
    };
  }
}

function within(asked: unknown, preset: number, most: number): number {
  const wanted = typeof asked === 'number' && Number.isInteger(asked) && asked >= 1 ? asked : preset;
  return Math.min(wanted, most);
}
