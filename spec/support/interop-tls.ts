import { certificate } from './certificate.ts';

export type Security = 'none' | 'certificate' | 'psk';

const key = Buffer.from('d731ef57be09e5204f0b205b60627028', 'hex');
const psk = { ciphers: 'PSK', maxVersion: 'TLSv1.2' };

/** The options `tls` and `options` of one end, which busbar and net-ipc share. */
export function interopTls(end: 'server' | 'client', security: Security): { tls?: boolean; options?: object } {
  switch (security) {
    case 'none':
      return {};
    case 'certificate':
      return { tls: true, options: end === 'server' ? certificate : { ca: certificate.cert, servername: 'localhost' } };
    case 'psk':
      return {
        tls: true,
        options:
          end === 'server'
            ? { ...psk, pskCallback: (_socket: unknown, identity: string) => (identity === 'bot' ? key : null) }
            : { ...psk, pskCallback: () => ({ psk: key, identity: 'bot' }), checkServerIdentity: () => undefined },
      };
  }
}
