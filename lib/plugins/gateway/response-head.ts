import { STATUS_CODES, validateHeaderName, validateHeaderValue } from 'node:http';
import { asBusError, BusError } from '../../base/errors.ts';

/** Framing is the server's own affair: a field of these from a handler could only make it wrong. */
const ownFields = new Set(['content-length', 'transfer-encoding', 'connection', 'keep-alive']);

/** Status and header fields of an answer before they leave, checked as they are set. */
export class ResponseHead {
  code = 200;
  reason = 'OK';
  readonly fields: [name: string, value: string][] = [];

  /** @throws BusError `ERR_INVALID_ARGUMENT` unless it is like `404 Not Found`, `404` or 404, from 200 to 599. */
  setStatus(status: string | number): void {
    const parts = /^([2-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/.exec(String(status));
    if (parts === null)
      throw new BusError('ERR_INVALID_ARGUMENT', `${JSON.stringify(status)} is no status of an answer`);
    this.code = Number(parts[1]);
    this.reason = parts[2] ?? STATUS_CODES[this.code] ?? '';
  }

  /** Adds a field; one of the same name stays. @throws BusError `ERR_INVALID_ARGUMENT` for what HTTP does not take. */
  addField(name: string, value: string): void {
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch (error) {
      throw asBusError(error, 'ERR_INVALID_ARGUMENT');
    }
    if (typeof value !== 'string') throw new BusError('ERR_INVALID_ARGUMENT', `the value of ${name} is not a string`);
    if (ownFields.has(name.toLowerCase())) {
      throw new BusError('ERR_INVALID_ARGUMENT', `the server itself sets ${name}`);
    }
    this.fields.push([name, value]);
  }
}
