import { custom, flag, type Given, integer, type Resolved, text } from '../../base/options.ts';

const gib = 1024 ** 3;

/** The options of the server side. `docs/interserve.md` is held against this table. */
export const serverOptionTable = {
  /** The address or domain that clients connect to, without a port; by default the one they have the bus at. */
  address: text(),
  /** The interface the HTTP port is bound to. */
  host: custom<string>({
    type: 'string',
    default: '127.0.0.1',
    accepts: (value) => typeof value === 'string' && value.length > 0,
  }),
  /** The HTTP port listened on; 0 picks a free one. */
  iport: integer({ default: 25_500, max: 65_535 }),
  /** The port that clients connect to, such as that of a proxy; 0: the one listened on. */
  port: integer({
    default: 0,
    max: 65_535,
  }),
  /** Whether clients use HTTPS; by default, if the bus has `tls` options. */
  ssl: custom<boolean | undefined>({
    type: 'boolean',
    default: undefined,
    accepts: (value) => typeof value === 'boolean',
  }),
  /** Proxies whose X-Forwarded-For header is trusted. */
  trusted: custom<readonly string[]>({
    type: 'a list of addresses or subnets',
    default: [],
    accepts: (value) => Array.isArray(value) && value.every((entry) => typeof entry === 'string'),
  }),
  /** Limit for each wait of a transfer: for a slot, then for the first request, then for each further byte. It ends a transfer that exceeds it. */
  timeout: integer({
    default: 30,
    min: 1,
    max: 86_400,
    unit: 's',
  }),
  /** Limit for the receiver, either way, counted from the last byte; it ends a transfer that exceeds it. */
  receiving: integer({
    default: 3600,
    min: 1,
    max: 86_400,
    unit: 's',
  }),
  /** Serves transfers on the listener of the bus itself instead of a port of its own. */
  share: flag({ default: false }),
  /** Refuses requests from an address other than the peer's, where the peer has one. */
  bindAddress: flag({
    default: true,
  }),
  /** Largest transfer; `add` takes a limit for its id. */
  size: integer({
    default: gib,
    max: Number.MAX_SAFE_INTEGER,
    unit: 'bytes',
  }),
  /** Limit for each peer, both ways together; 0: no limit. */
  rate: integer({
    default: 0,
    unit: 'bytes/s',
  }),
  /** Transfers at once; further ones wait for a slot, and peers with few go first. */
  transfers: integer({
    default: 64,
    min: 1,
    max: 65_535,
  }),
  /** Transfers of one peer at once; 0: half of what others left of `transfers`, so that every peer gets a slot. */
  perPeer: integer({
    default: 0,
    max: 65_535,
  }),
  /**
   * Transfers that wait or move, in all; each counts as 64 KiB at least, a stream of unknown length as the bytes that came.
   * The uploads of one peer get half of what others left, or one transfer; a sixteenth is kept for small ones.
   */
  waiting: integer({
    default: 8 * gib,
    min: 1,
    unit: 'bytes',
  }),
  /** Compresses also what is sent to peers on this machine, not only to others. */
  compress: flag({ default: false }),
  /** Called with one line for each transfer that ended. */
  log: custom<((line: string) => void) | undefined>({
    type: 'function',
    default: undefined,
    accepts: (value) => typeof value === 'function',
  }),
};

/** The options of the client side. */
export const clientOptionTable = {
  /** Limit for a send to start, and for a transfer to stay without a byte. */
  timeout: integer({
    default: 30,
    min: 1,
    max: 86_400,
    unit: 's',
  }),
  /** Largest transfer, either way. */
  size: integer({
    default: gib,
    max: Number.MAX_SAFE_INTEGER,
    unit: 'bytes',
  }),
  /** Sends at once; further ones wait. */
  transfers: integer({ default: 64, min: 1, max: 65_535 }),
  /** Compresses also uploads to a server on this machine, not only to others. */
  compress: flag({ default: false }),
  /** Addresses or domains that the server may send the client to besides its own host, such as a proxy's. */
  hosts: custom<readonly string[]>({
    type: 'a list of hosts',
    default: [],
    accepts: (value) => Array.isArray(value) && value.every((entry) => typeof entry === 'string'),
  }),
  /** TLS options for HTTPS, such as `ca`; by default those of the client. */
  tls: custom<object | undefined>({
    type: 'object',
    default: undefined,
    accepts: (value) => typeof value === 'object' && value !== null,
  }),
};

export type ServerOptions = Resolved<typeof serverOptionTable>;
export type ClientOptions = Resolved<typeof clientOptionTable>;
/** What `interserve()` takes; a client is given the part of it that its own table names. */
export type InterserveOptions = Given<typeof serverOptionTable> & Given<typeof clientOptionTable>;
