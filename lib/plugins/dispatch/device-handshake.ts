import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import { longestProxyHeader, parseProxyHeader, type ProxySource } from './proxy-header.ts';

/**
 * Takes the PROXY header from the start of a connection; what follows it stays in the socket. Resolves undefined where
 * the balancer speaks for itself.
 * @throws Error with the reason, if the header is malformed or the connection ends first.
 */
export function takeProxyHeader(socket: Socket): Promise<ProxySource | undefined> {
  return new Promise((resolve, reject) => {
    let head: Buffer = Buffer.alloc(0);
    const settle = (then: () => void): void => {
      socket.off('readable', onReadable).off('end', onClose).off('close', onClose);
      then();
    };
    const onClose = (): void => settle(() => reject(new Error('the connection ended before its PROXY header')));
    const onReadable = (): void => {
      const chunk: unknown = socket.read();
      if (!Buffer.isBuffer(chunk)) return;
      head = Buffer.concat([head, chunk]);
      const header = parseProxyHeader(head);
      if (header.state === 'incomplete' && head.length <= longestProxyHeader) return;
      settle(() => {
        if (header.state !== 'complete') {
          reject(new Error(header.state === 'malformed' ? header.reason : 'the PROXY header is too long'));
          return;
        }
        if (head.length > header.length) socket.unshift(head.subarray(header.length));
        resolve(header.source);
      });
    };
    socket.on('readable', onReadable).on('end', onClose).on('close', onClose);
  });
}

/**
 * The server's half of a TLS handshake on a connection that is open already.
 * @throws Error with the reason, if it fails or the connection ends first.
 */
export function secureSocket(socket: Socket, secureContext: SecureContext): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secured = new TLSSocket(socket, { isServer: true, secureContext });
    const onError = (error: Error): void => reject(error);
    const onClose = (): void => reject(new Error('the connection ended during the TLS handshake'));
    secured.on('_tlsError', onError).on('error', onError).on('close', onClose);
    secured.once('secure', () => {
      secured.off('close', onClose).off('_tlsError', onError);
      resolve(secured);
    });
  });
}
