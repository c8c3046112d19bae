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
  /** Where memory addresses live; one for the whole process unless given. */
  readonly network?: Network | undefined;
  /** How long an ended link waits without progress for its peer before it is destroyed; 5,000 ms unless given. */
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
  /** Until when a TLS handshake must be done; 5,000 ms unless given. */
  readonly handshakeTimeoutMs?: number | undefined;
  /** TLS handshakes under way at one time; one more ends the oldest. 256 unless given. */
  readonly maxHandshakes?: number | undefined;
}
