import { type OnReadOpts, Socket } from 'node:net';
import process from 'node:process';

/** As much as the platform itself reads at a time. */
const bufferBytes = 65_536;
let buffer: Buffer | undefined;

/** Others ignore the option, and never say what they have read. */
const isNode = process.versions['bun'] === undefined && process.versions['deno'] === undefined;

interface Inner {
  _handle: { useUserBuffer?: unknown } | null;
  /** Counts it until it is destroyed. */
  _server: unknown;
}

/** Reads of a socket into the one buffer of this process, where the platform makes a new one for each of them else. */
export class OwnReads {
  /** Gets what was read, and says whether more is to be; the bytes are written over once it has returned. */
  sink: (bytes: Uint8Array) => boolean = () => false;

  readonly onread: OnReadOpts = {
    buffer: (buffer ??= Buffer.allocUnsafeSlow(bufferBytes)),
    callback: (count, bytes) => this.sink(bytes.subarray(0, count)),
  };

  /** For a socket that is to be opened with `onread`; undefined where the platform does not offer it. */
  static offered(): OwnReads | undefined {
    return isNode ? new OwnReads() : undefined;
  }

  /**
   * A socket instead of one that was just accepted, which is over: it has to be made with what it reads into, and a
   * server makes its sockets by itself. Undefined where the platform does not offer it.
   */
  accept(accepted: Socket): Socket | undefined {
    const from = accepted as unknown as Inner;
    const { _handle: handle, _server: server } = from;
    if (!isNode || typeof handle?.useUserBuffer !== 'function') return undefined;
    const options = { handle, onread: this.onread, allowHalfOpen: false, pauseOnCreate: true };
    const socket = new Socket(options);
    (socket as unknown as Inner)._server = server;
    from._handle = null;
    from._server = null;
    accepted.destroy();
    return socket;
  }
}
