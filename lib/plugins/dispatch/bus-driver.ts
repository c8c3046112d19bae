import { asBusError, BusError } from '../../base/errors.ts';
import type { Lane, PeerHandle } from '../../bus/plugin.ts';
import { encodeData, eventCost, type PortMessage, windowBytes } from './bus-messages.ts';
import type { Device } from './device.ts';
import type { Driver } from './driver.ts';
import type { Lease } from './lease.ts';
import { messageType } from './message.ts';

/** Announcements are not held back by a slow client; so many bytes of window behind, its lease ends. */
const furthestBehind = windowBytes;

/** A driver at the other end of a session: what its devices do goes onto the lane, as far as the client gave credit. */
export class BusDriver implements Driver {
  readonly name: string;
  lease: Lease | undefined;
  readonly #lane: Lane;
  readonly #peer: PeerHandle;
  readonly #number: number;
  readonly #onEnded: () => void;
  #credit = 0;
  #unsettledBytes = 0;

  /** `number` is the client's name for the lease; `onEnded` is called when the lease ended by no act of the client's. */
  constructor(lane: Lane, peer: PeerHandle, number: number, onEnded: () => void) {
    this.name = `${peer.id ?? 'peer'}#${number}`;
    this.#lane = lane;
    this.#peer = peer;
    this.#number = number;
    this.#onEnded = onEnded;
  }

  /** The client takes so many bytes more. */
  grant(bytes: number): void {
    this.#credit = Math.min(this.#credit + bytes, windowBytes);
    if (this.#credit <= 0) return;
    this.lease?.start();
    this.lease?.drained();
  }

  /**
   * Sends to a device of the lease.
   * @throws BusError as `Lease.write`, and `ERR_QUEUE_FULL` while too much of what was sent before has no room yet.
   */
  write(device: Device, bytes: Uint8Array): Promise<void> | undefined {
    if (this.lease === undefined) throw new BusError('ERR_CLOSED', 'the port was given back');
    if (this.#unsettledBytes >= windowBytes) {
      throw new BusError('ERR_QUEUE_FULL', 'the devices have not taken what was sent before');
    }
    const room = this.lease.write(device, bytes);
    if (room === undefined) return undefined;
    this.#unsettledBytes += bytes.length;
    return room.finally(() => {
      this.#unsettledBytes -= bytes.length;
    });
  }

  opened(device: Device): void {
    this.#announce('opened', device);
  }

  received(device: Device, bytes: Uint8Array): boolean {
    this.#credit -= bytes.length + eventCost;
    this.#send(encodeData(this.#number, messageType.received, device.address, device.id, bytes));
    return this.#credit > 0;
  }

  closed(device: Device): void {
    this.#announce('closed', device);
  }

  ended(reason: BusError): void {
    this.#onEnded();
    const message: PortMessage = { op: 'ended', lease: this.#number, code: reason.code, message: reason.message };
    // The session may be what ended; then the client knows already.
    this.#lane.send(this.#peer, message).catch(() => undefined);
  }

  #announce(op: 'opened' | 'closed', { id, address, port }: Device): void {
    this.#credit -= eventCost;
    this.#send({ op, lease: this.#number, device: { id, address, port } });
    if (this.#credit < -furthestBehind) {
      this.lease?.end(new BusError('ERR_SLOW_CONSUMER', 'the driver did not take what its devices did'));
    }
  }

  #send(data: PortMessage | Uint8Array): void {
    this.#lane.send(this.#peer, data).catch((error) => this.lease?.end(asBusError(error, 'ERR_SESSION_LOST')));
  }
}
