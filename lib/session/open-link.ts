import type { ClientHandshake } from '#codec';
import { asBusError, BusError } from '../base/errors.ts';
import { unencodable } from '../wire/codec/unencodable.ts';
import type { ServerHello } from '../wire/handshake/hello.ts';
import type { LinkPort } from './link-port.ts';

/** A server's refusal, and whether it asked for another attempt. */
export class RefusedError extends BusError {
  readonly allowReconnect: boolean;
  readonly reason: unknown;

  constructor(code: string | undefined, reason: unknown, allowReconnect: boolean) {
    super(code ?? 'ERR_CLOSED', typeof reason === 'string' ? reason : 'The server closed the connection');
    this.allowReconnect = allowReconnect;
    this.reason = reason;
  }
}

/**
 * Says hello on a new link and waits for the server's. What follows waits in the port for its next reader. Rejects with `RefusedError`, `ERR_PROTOCOL`, `ERR_CONNECT` when the link closes first, or with the
 * reason of `signal`; the link is then closed.
 */
export function openLink(port: LinkPort, opening: ClientHandshake, signal: AbortSignal): Promise<ServerHello> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void): void => {
      signal.removeEventListener('abort', abort);
      port.read(undefined);
      finish();
    };
    const fail = (error: unknown): void =>
      settle(() => {
        port.destroy();
        reject(error);
      });
    const abort = (): void => fail(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    port.read({
      read(bytes) {
        try {
          let step = opening.feed(bytes);
          while (step?.type === 'write') {
            port.write(step.bytes);
            step = opening.feed(new Uint8Array(0));
          }
          if (step?.type === 'open') {
            const { hello, rest } = step;
            settle(() => resolve(hello));
            return bytes.length - rest.length;
          }
          if (step?.type === 'refused') {
            const { code, reason, allowReconnect } = step.refusal;
            fail(new RefusedError(code, reason, allowReconnect));
          }
        } catch (error) {
          fail(asBusError(error, 'ERR_PROTOCOL'));
        }
        return undefined;
      },
      drained() {},
      closed: (cause) => fail(new BusError('ERR_CONNECT', 'The link closed', { cause })),
      failed: fail,
    });
    if (signal.aborted) {
      abort();
      return;
    }
    try {
      port.write(opening.start());
    } catch (error) {
      fail(unencodable(error, 'payload'));
    }
  });
}
