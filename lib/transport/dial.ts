import { BusError } from '../base/errors.ts';
import { systemClock } from '../base/system-clock.ts';
import type { Address } from './address.ts';
import type { Dial } from './link.ts';
import { processNetwork } from './memory.ts';
import type { DialSettings } from './settings.ts';
import { dialSocket } from './socket-dial.ts';

/**
 * How to open links to `address`. Each attempt rejects `ERR_CONNECT` with the system's error as cause, or with the
 * reason of its signal. Throws `ERR_INVALID_OPTION` for port 0, which only a listener can have.
 */
export function dialer(address: Address, settings: DialSettings = {}): Dial {
  if (address.kind === 'memory') {
    const network = settings.network ?? processNetwork;
    const clock = settings.clock ?? systemClock;
    return (signal) => network.dial(address, clock, signal);
  }
  if ('port' in address && address.port === 0) {
    throw new BusError('ERR_INVALID_OPTION', 'option port: port 0 can be listened on, not connected to');
  }
  return (signal) => dialSocket(address, settings, signal);
}
