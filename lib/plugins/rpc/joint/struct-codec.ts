import { Packr } from 'msgpackr';
import { BusError } from '../../../base/errors.ts';
import { unencodable } from '../../../wire/codec/unencodable.ts';
import { misfit } from '../../../wire/codec/misfit.ts';
import { BodyReader } from '../../../wire/native/body-codec.ts';

const maxDepth = 64;
const packr = new Packr({ useRecords: false, variableMapSize: true });
const reader = new BodyReader();

/** Joint peers read plain MessagePack, with bytes as `bin`. @throws BusError `ERR_UNENCODABLE`. */
export function packStruct(value: unknown): Uint8Array {
  try {
    const bytes = packr.pack(value);
    const reason = misfit(value);
    if (reason !== undefined) throw new TypeError(reason);
    return bytes;
  } catch (cause) {
    throw unencodable(cause, 'struct');
  }
}

/** @throws BusError `ERR_PROTOCOL`. */
export function unpackStruct(bytes: Uint8Array): unknown {
  try {
    return reader.read(bytes, 0, bytes.length, maxDepth);
  } catch (cause) {
    throw new BusError('ERR_PROTOCOL', 'Joint types: a struct is not valid MessagePack.', { cause });
  }
}
