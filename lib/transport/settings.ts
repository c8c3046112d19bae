import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Network } from './link.ts';

/** What both ways of getting a link need beside the address. */
export interface LinkSettings {
  /** `node:net` and `node:tls` options that are passed through, such as `cert`, `ca` or `pskCallback`. */
  readonly options?: object | undefined;
  /** Further `node:tls` options, over `options`; a boolean adds nothing. */
  readonly tls?: boolean | object | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  /** Where memory addresses live; by default one for the whole process. */
  readonly network?: Network | undefined;
  /** How long an ended link waits without progress for its peer before it is destroyed; by default 5,000 ms. */
  readonly endTimeoutMs?: number | undefined;
}

export interface DialSettings extends LinkSettings {
  /** As `ParentSettings.orphan`, for the parent's address. */
  readonly orphan?: boolean | undefined;
}

export interface ListenSettings extends LinkSettings {
  /** `net.Server.listen` options; for a socket file also `readableAll` and `writableAll`. */
  readonly listenOptions?: object | undefined;
  /** Replaces a live listener of a socket file instead of failing with `ERR_ADDRESS_IN_USE`. */
  readonly takeover?: boolean | undefined;
  /** Until when a TLS handshake must be done; by default 5,000 ms. */
  readonly handshakeTimeoutMs?: number | undefined;
  /** TLS handshakes in flight at one time; one more ends the oldest. By default 256. */
  readonly maxHandshakes?: number | undefined;
}
