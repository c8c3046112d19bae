import { AsyncQueue } from '../../base/async-queue.ts';
import { CreditReturn } from '../../base/flow-control.ts';
import { BusEmitter } from '../../base/emitter.ts';
import { BusError } from '../../base/errors.ts';
import { eventCost, windowBytes } from './bus-messages.ts';
import type { Device, Protocol } from './driver.ts';

/** What happens at a port, in order. */
export type DeviceEvent =
  | { readonly type: 'opened'; readonly device: Device }
  | { readonly type: 'received'; readonly device: Device; readonly bytes: Buffer }
  | { readonly type: 'closed'; readonly device: Device };

/** The events of a port for one `for await`; events that it has not read yet wait here, within the port's window. */
export type DeviceEvents = AsyncIterableIterator<DeviceEvent>;

export interface DevicePortEvents {
  /** A device connected, or was there already. */
  opened(device: Device): void;
  /** It sent these bytes: for TCP a part of its stream, for UDP one datagram, which may be empty. */
  received(device: Device, bytes: Buffer): void;
  /** It is gone. */
  closed(device: Device): void;
  /** The port was given back; with the reason if that was not an act of this driver's. */
  released(reason: BusError | undefined): void;
}

/** What a port needs of the session it is held over. */
export interface PortTransport {
  write(device: Device, bytes: Uint8Array): Promise<void>;
  close(device: Device): Promise<void>;
  release(): Promise<void>;
  /** Lets the server send this many bytes more. */
  credit(bytes: number): void;
  report(error: unknown): void;
}

/** Credit is given back in portions, to spare messages. */
const portionBytes = windowBytes / 4;

/**
 * A port that this driver holds. Its events go to listeners, or to a `for await` loop, which also slows the devices
 * down to its own speed. Nothing is delivered, and nothing lost of a TCP device, before there is a listener or a loop.
 */
export class DevicePort extends BusEmitter<DevicePortEvents> implements AsyncIterable<DeviceEvent> {
  readonly protocol: Protocol;
  /** The number it listens on. */
  readonly port: number;
  readonly #transport: PortTransport;
  readonly #devices = new Map<number, Device>();
  #events: AsyncQueue<DeviceEvent> | undefined;
  #status: 'held' | 'started' | 'released' = 'held';
  readonly #owed = new CreditReturn(portionBytes);

  constructor(protocol: Protocol, port: number, transport: PortTransport) {
    super();
    this.protocol = protocol;
    this.port = port;
    this.#transport = transport;
  }

  /** Devices connected now, by id; always empty for UDP. */
  get devices(): ReadonlyMap<number, Device> {
    return this.#devices;
  }

  get released(): boolean {
    return this.#status === 'released';
  }

  override on<Name extends keyof DevicePortEvents>(event: Name, listener: DevicePortEvents[Name]): this {
    super.on(event, listener);
    if (event !== 'released') this.#start();
    return this;
  }

  override once<Name extends keyof DevicePortEvents>(event: Name, listener: DevicePortEvents[Name]): this {
    super.once(event, listener);
    if (event !== 'released') this.#start();
    return this;
  }

  /**
   * Sends to a device; resolves when the dispatcher has room for more. For UDP any `{ address, port }` will do.
   * Rejects with `ERR_DEVICE_GONE`, `ERR_TOO_LARGE`, `ERR_QUEUE_FULL`, `ERR_CLOSED` after the release, `ERR_SESSION_LOST`.
   */
  async write(device: Pick<Device, 'address' | 'port'> & Partial<Device>, bytes: Uint8Array | string): Promise<void> {
    if (this.released) throw new BusError('ERR_CLOSED', 'The port was released');
    const data = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    await this.#transport.write({ ...device, id: device.id ?? device.port }, data);
  }

  /** Closes a device once what was written to it has left. Nothing happens if it is gone, or for UDP. */
  async close(device: Device): Promise<void> {
    if (!this.released) await this.#transport.close(device);
  }

  /** Gives the port back; resolves when the dispatcher has it. Devices nobody else hears are closed. */
  async release(): Promise<void> {
    if (this.released) return;
    this.end(undefined);
    await this.#transport.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  /**
   * The events as a loop takes them; it ends with the port, and throws if the port was lost.
   * @throws BusError `ERR_STATE` while another loop has them.
   */
  [Symbol.asyncIterator](): DeviceEvents {
    if (this.#events !== undefined) throw new BusError('ERR_STATE', 'A loop reads the events of this port already');
    const events = new AsyncQueue<DeviceEvent>({
      give: (event) => {
        this.#taken(event);
        return event;
      },
      left: (rest) => {
        for (const event of rest) this.#taken(event);
        if (this.#events === events) this.#events = undefined;
      },
    });
    if (this.released) events.end();
    else this.#events = events;
    this.#start();
    return events;
  }

  /** The dispatcher told that a device came or went. */
  announce(type: 'opened' | 'closed', told: Device): void {
    const device = (type === 'closed' ? this.#devices.get(told.id) : undefined) ?? Object.freeze(told);
    if (type === 'opened') this.#devices.set(device.id, device);
    else this.#devices.delete(device.id);
    this.#emit({ type, device });
  }

  /** The dispatcher passed on what a device sent. */
  receive(address: string, id: number, bytes: Buffer): void {
    const known = this.protocol === 'udp' ? undefined : this.#devices.get(id);
    const device = known ?? Object.freeze({ id, address, port: id });
    this.#emit({ type: 'received', device, bytes });
  }

  /** The port is gone: settles everything, once. */
  end(reason: BusError | undefined): void {
    if (this.released) return;
    this.#status = 'released';
    this.#devices.clear();
    this.#events?.end(reason);
    this.fire('released', reason);
  }

  protected override listenerFailed(_event: string | symbol, error: unknown): void {
    this.#transport.report(error);
  }

  #emit(event: DeviceEvent): void {
    if (this.released) return;
    if (event.type === 'received') this.fire('received', event.device, event.bytes);
    else this.fire(event.type, event.device);
    if (this.#events === undefined) this.#taken(event);
    else this.#events.push(event);
  }

  #start(): void {
    if (this.#status !== 'held') return;
    this.#status = 'started';
    this.#transport.credit(windowBytes);
  }

  #taken(event: DeviceEvent): void {
    const due = this.#owed.add(eventCost + (event.type === 'received' ? event.bytes.length : 0));
    if (due > 0 && !this.released) this.#transport.credit(due);
  }
}
