import { BusError } from '../base/errors.ts';

/** Stands in for `wire/native/record-layer` in web pages: no link is compressed. */
export const recordBytes = 65_536;

export class RecordWriter {
  wrap(): never {
    throw new BusError('ERR_STATE');
  }
}

export class RecordReader {
  feed(): never {
    throw new BusError('ERR_STATE');
  }
}
