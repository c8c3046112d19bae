import { Packr, Unpackr } from 'msgpackr';
import { BusError } from '../../../base/errors.ts';
import { textOf } from '../../../base/text-of.ts';

const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, copyBuffers: true });

/** Joint peers read plain MessagePack, with bytes as `bin`. @throws BusError `ERR_UNENCODABLE`. */
export function packStruct(value: unknown): Uint8Array {
  try {
    return packr.pack(value);
  } catch (cause) {
    const message = textOf(cause);
    throw new BusError('ERR_UNENCODABLE', `The struct cannot be encoded: ${message}`, { cause });
  }
}

/** @throws BusError `ERR_PROTOCOL`. */
export function unpackStruct(bytes: Uint8Array): unknown {
  try {
    return unpackr.unpack(bytes);
  } catch (cause) {
    throw new BusError('ERR_PROTOCOL', 'Joint types: a struct is not valid MessagePack.', { cause });
  }
}
