import { createPrivateKey, type KeyObject } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import { BusError } from '../../base/errors.ts';
import type { TlsFiles } from './options.ts';
import { generateKey, selfSign } from './self-signed.ts';

const commonName = 'busbar-dispatch';

/** Keys and certificates for TLS ports: the driver's own, the configured ones, or one made for the occasion. */
export class Certificates {
  #shared: SecureContext | undefined;
  readonly #configured: object | undefined;

  /** @throws BusError `ERR_INVALID_OPTION` if `files` are not a key and certificate that belong together. */
  constructor(files: TlsFiles | undefined, inherited: object | undefined) {
    if (files !== undefined) this.#shared = contextOf(files, 'ERR_INVALID_OPTION', 'tls');
    if (inherited !== undefined && ('cert' in inherited || 'pfx' in inherited)) this.#configured = inherited;
  }

  /** The context that all ports share whose drivers bring nothing of their own. */
  shared(): SecureContext {
    this.#shared ??= this.#configured === undefined ? selfSigned(generateKey()) : createSecureContext(this.#configured);
    return this.#shared;
  }

  /**
   * For PEM text that a driver brought; a key alone gets a self-signed certificate.
   * @throws BusError `ERR_INVALID_ARGUMENT`
   */
  own(privateKey: string, certificate: string | undefined): SecureContext {
    if (certificate !== undefined)
      return contextOf({ key: privateKey, cert: certificate }, 'ERR_INVALID_ARGUMENT', 'private_key');
    try {
      return selfSigned(createPrivateKey(privateKey));
    } catch (error) {
      throw new BusError('ERR_INVALID_ARGUMENT', 'private_key is not a usable key', { cause: error });
    }
  }
}

function selfSigned(key: KeyObject): SecureContext {
  const cert = selfSign(key, commonName, new Date());
  return createSecureContext({ key: key.export({ type: 'pkcs8', format: 'pem' }), cert });
}

function contextOf(files: TlsFiles, code: 'ERR_INVALID_OPTION' | 'ERR_INVALID_ARGUMENT', name: string): SecureContext {
  try {
    return createSecureContext(files);
  } catch (error) {
    // The system's text may quote the key.
    throw new BusError(code, `${name}: key and certificate are unreadable or do not belong together`, { cause: error });
  }
}
