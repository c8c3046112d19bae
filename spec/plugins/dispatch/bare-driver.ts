import { WebSocket } from 'ws';

/** A message of the protocol, read by the description of it alone. */
export interface Heard {
  readonly type: number;
  readonly address: string;
  readonly id: number;
  readonly data: Buffer;
}

/** A driver as anybody would write one: a plain WebSocket client that knows the layout of the messages. */
export class BareDriver {
  readonly socket: WebSocket;
  /** Settles once the WebSocket is closed. */
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #heard: Heard[] = [];
  readonly #waiting: ((heard: Heard) => void)[] = [];

  private constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    socket.on('message', (data) => {
      const heard = read(data as Buffer);
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#heard.push(heard);
      else waiting(heard);
    });
  }

  /** Resolves when the upgrade is done; rejects with the status in the message if it is refused. */
  static open(url: string, headers: Record<string, string> = {}): Promise<BareDriver> {
    const driver = new BareDriver(new WebSocket(url, { headers, perMessageDeflate: false }));
    return new Promise((resolve, reject) => {
      driver.socket.once('open', () => resolve(driver));
      driver.socket.on('error', reject);
    });
  }

  next(): Promise<Heard> {
    const heard = this.#heard.shift();
    return heard === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(heard);
  }

  /** Messages that arrived and were not asked for yet. */
  get unread(): number {
    return this.#heard.length;
  }

  /** The data of RECEIVED messages until `size` bytes are there. */
  async collect(size: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let have = 0; have < size; ) {
      const { type, data } = await this.next();
      if (type !== 2) throw new Error(`a message of type ${type} came instead of data`);
      parts.push(data);
      have += data.length;
    }
    return Buffer.concat(parts);
  }

  write(address: string, id: number, data: Buffer | string): void {
    this.socket.send(wire(3, address, id, Buffer.from(data)));
  }

  closeDevice(address: string, id: number): void {
    this.socket.send(wire(4, address, id, Buffer.alloc(0)));
  }

  /** Leaves in order. */
  async leave(): Promise<void> {
    this.socket.close(1000);
    await this.closed;
  }
}

export function wire(type: number, address: string, id: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeBigUInt64BE(BigInt(id));
  head.writeUInt32BE(data.length, 8);
  return Buffer.concat([Buffer.from([type]), Buffer.from(`${address}\0`), head, data]);
}

function read(bytes: Buffer): Heard {
  const end = bytes.indexOf(0, 1);
  const size = bytes.readUInt32BE(end + 9);
  return {
    type: bytes.readUInt8(0),
    address: bytes.toString('utf8', 1, end),
    id: Number(bytes.readBigUInt64BE(end + 1)),
    data: bytes.subarray(end + 13, end + 13 + size),
  };
}
