import { BusError } from '../../base/errors.ts';
import type { RemoteFailure, RequestId } from '../frames.ts';
import type { Slab } from '../slab.ts';
import type { PacketType } from './packet-type.ts';

/** Where a body was put; `headroom` bytes before `start` are free. */
export interface Body {
  readonly buffer: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Turns packets into bodies in one codec. */
export interface BodyComposer {
  /**
   * Puts the body behind `slab.position` and `headroom` without moving the position, or into a buffer that nobody else
   * holds. Members that are undefined are left out. Throws `ERR_UNENCODABLE`, and `ERR_TOO_LARGE` where that is cheap to tell.
   */
  compose(
    slab: Slab,
    headroom: number,
    type: PacketType,
    data: unknown,
    nonce: RequestId | undefined,
    error: RemoteFailure | undefined,
  ): Body;
}

export function tooLarge(size: number, limit: number): BusError {
  return new BusError('ERR_TOO_LARGE', `The message takes ${size} bytes; ${limit} are allowed.`);
}
