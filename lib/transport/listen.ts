import { BusError } from '../base/errors.ts';
import { systemClock } from '../base/system-clock.ts';
import type { Address } from './address.ts';
import type { ListenEvents, Listener } from './link.ts';
import { processNetwork } from './memory.ts';
import { checkCredentials, listenNet } from './net-listener.ts';
import type { ListenSettings } from './settings.ts';
import { listenUnix } from './unix-listener.ts';

/** How ports change hands instead. */
function portHint(address: Address): string {
  if (!('port' in address)) return '';
  return ': two servers share a port with listenOptions { reusePort: true }, and a fleet hands on what its groups listen to';
}

/**
 * Starts to listen on `address`. Rejects with `ERR_ADDRESS_IN_USE` or `ERR_LISTEN` with the system's error as cause, and
 * `ERR_INVALID_OPTION` for a takeover of anything but a socket file and for TLS without a certificate.
 */
export async function listen(address: Address, settings: ListenSettings, events: ListenEvents): Promise<Listener> {
  if (settings.takeover === true && address.kind !== 'unix') {
    throw new BusError(
      'ERR_INVALID_OPTION',
      `Option takeover works on unix socket paths, not on a ${address.kind} address${portHint(address)}`,
    );
  }
  checkListenable(address);
  checkCredentials(address, settings);
  switch (address.kind) {
    case 'memory':
      return (settings.network ?? processNetwork).listen(address, settings.clock ?? systemClock, events);
    case 'unix':
      return listenUnix(address.path, settings, events);
    default:
      return listenNet(address, settings, events);
  }
}

/** Throws `ERR_INVALID_OPTION` for an address that only a client can have. */
export function checkListenable(address: Address): asserts address is Exclude<Address, { kind: 'parent' }> {
  if (address.kind !== 'parent') return;
  throw new BusError('ERR_INVALID_OPTION', 'Option url: a server cannot listen on parent:');
}
