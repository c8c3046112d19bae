import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';

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
