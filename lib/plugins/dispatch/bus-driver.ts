import { CreditWindow } from '../../base/flow-control.ts';
import { asBusError, BusError } from '../../base/errors.ts';
import type { Lane, PeerHandle } from '../../bus/plugin.ts';
import { encodeData, eventCost, type PortMessage, windowBytes } from './bus-messages.ts';
import type { Device, Driver } from './driver.ts';
import type { Lease } from './lease.ts';
import { messageType } from './message.ts';

/** Announcements do not wait for a slow client; with this many bytes in flight, its lease ends. */
const furthestBytes = 2 * windowBytes;

/** A driver at the peer of a session: what its devices do goes onto the lane, as far as the client gave credit. */
export class BusDriver implements Driver {
  readonly name: string;
  lease: Lease | undefined;
  readonly #lane: Lane;
  readonly #peer: PeerHandle;
  readonly #number: number;
  readonly #onEnded: () => void;
  /** What devices sent; the client has to grant the first bytes. */
  readonly #received = new CreditWindow(windowBytes, windowBytes);
  /** What devices are sent and have no room for yet. */
  readonly #written = new CreditWindow(windowBytes);

  /** `number` is the client's name for the lease; `onEnded` is called when the lease ended by no act of the client's. */
  constructor(lane: Lane, peer: PeerHandle, number: number, onEnded: () => void) {
    this.name = `${peer.id ?? 'peer'}#${number}`;
    this.#lane = lane;
    this.#peer = peer;
    this.#number = number;
    this.#onEnded = onEnded;
  }

  /** The client can receive this many bytes more. */
  grant(bytes: number): void {
    this.#received.grant(bytes);
    if (this.#received.full) return;
    this.lease?.start();
    this.lease?.drained();
  }

  /**
   * Sends to a device of the lease.
   * @throws BusError as `Lease.write`, and `ERR_QUEUE_FULL` while too much of what was sent before has no room yet.
   */
  write(device: Device, bytes: Uint8Array): Promise<void> | undefined {
    if (this.lease === undefined) throw new BusError('ERR_CLOSED', 'The port was released');
    if (this.#written.full) {
      throw new BusError('ERR_QUEUE_FULL', 'The devices have not read the earlier data');
    }
    const room = this.lease.write(device, bytes);
    if (room === undefined) return undefined;
    this.#written.take(bytes.length);
    return room.finally(() => this.#written.grant(bytes.length));
  }

  opened(device: Device): void {
    this.#announce('opened', device);
  }

  received(device: Device, bytes: Uint8Array): boolean {
    this.#received.take(bytes.length + eventCost);
    this.#send(encodeData(this.#number, messageType.received, device.address, device.id, bytes));
    return !this.#received.full;
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
    this.#received.take(eventCost);
    this.#send({ op, lease: this.#number, device: { id, address, port } });
    if (this.#received.used > furthestBytes) {
      this.lease?.end(new BusError('ERR_SLOW_CONSUMER', 'The driver did not read the events of its devices'));
    }
  }

  #send(data: PortMessage | Uint8Array): void {
    this.#lane.send(this.#peer, data).catch((error) => this.lease?.end(asBusError(error, 'ERR_SESSION_LOST')));
  }
}
