import { dataSize } from '../../base/data-size.ts';
import { BusError } from '../../base/errors.ts';
import { travels } from '../rpc/internal.ts';

const maxBytes = 65_536;

/** @throws BusError `ERR_UNENCODABLE` or `ERR_TOO_LARGE` for what a member cannot say of itself. */
export function checkMeta(meta: unknown): void {
  if (!travels(meta)) throw new BusError('ERR_UNENCODABLE', 'The meta of a member must be data');
  if (dataSize(meta) > maxBytes)
    throw new BusError('ERR_TOO_LARGE', `The meta of a member can have at most ${maxBytes} bytes`);
}
