import { custom, flag, type Given, integer, type Resolved, text } from '../../base/options.ts';

const gib = 1024 ** 3;

/** The options of the server side. `docs/interserve.md` is held against this table. */
export const serverOptionTable = {
  /** The address or domain that clients connect to, without a port. Default: the one that they use for the bus. */
  address: text(),
  /** The interface that the HTTP port is bound to. */
  host: custom<string>({
    type: 'string',
    default: '127.0.0.1',
    accepts: (value) => typeof value === 'string' && value.length > 0,
  }),
  /** The HTTP port to listen on; 0 chooses a free one. */
  iport: integer({ default: 25_500, max: 65_535 }),
  /** The port that clients connect to, such as that of a proxy; 0: the one that is listened on. */
  port: integer({
    default: 0,
    max: 65_535,
  }),
  /** Whether clients use HTTPS. Default: if the bus has `tls` options. */
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
  /**
   * Limit in seconds for each wait of a transfer: for a slot, then for the first request, then for each further byte. A
   * transfer that exceeds it ends.
   */
  timeout: integer({
    default: 30,
    min: 1,
    max: 86_400,
    unit: 's',
  }),
  /**
   * Limit in seconds for the receiver, in either direction, counted from the last byte. A transfer that exceeds it
   * ends.
   */
  receiving: integer({
    default: 3600,
    min: 1,
    max: 86_400,
    unit: 's',
  }),
  /** Serves transfers on the listener of the bus itself instead of a separate port. */
  share: flag({ default: false }),
  /** Refuses requests from an address other than the peer's, if the peer has one. */
  bindAddress: flag({
    default: true,
  }),
  /** Largest transfer; `add` takes a limit for its id. */
  size: integer({
    default: gib,
    max: Number.MAX_SAFE_INTEGER,
    unit: 'bytes',
  }),
  /** Most bytes per second for each peer, in both directions together; 0: no limit. */
  rate: integer({
    default: 0,
    unit: 'bytes/s',
  }),
  /** Transfers at the same time; further ones wait for a slot, and peers with few go first. */
  transfers: integer({
    default: 64,
    min: 1,
    max: 65_535,
  }),
  /**
   * Transfers of one peer at the same time; 0: half of the free ones of `transfers`, so that every peer gets a slot.
   */
  perPeer: integer({
    default: 0,
    max: 65_535,
  }),
  /**
   * Most bytes of all waiting and running transfers. Each counts as at least 64 KiB, a stream of unknown length as the
   * bytes received. The uploads of one peer get half of the free bytes, or one transfer; a sixteenth is kept for small
   * ones.
   */
  waiting: integer({
    default: 8 * gib,
    min: 1,
    unit: 'bytes',
  }),
  /** Compresses data to peers on this machine too. */
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
  /** Limit in seconds for a send to start, and for a transfer without a byte. */
  timeout: integer({
    default: 30,
    min: 1,
    max: 86_400,
    unit: 's',
  }),
  /** Largest transfer, in either direction. */
  size: integer({
    default: gib,
    max: Number.MAX_SAFE_INTEGER,
    unit: 'bytes',
  }),
  /** Sends at the same time; further ones wait. */
  transfers: integer({ default: 64, min: 1, max: 65_535 }),
  /** Compresses uploads to a server on this machine too. */
  compress: flag({ default: false }),
  /** Addresses or domains that the server may direct the client to besides its own host, such as a proxy's. */
  hosts: custom<readonly string[]>({
    type: 'a list of hosts',
    default: [],
    accepts: (value) => Array.isArray(value) && value.every((entry) => typeof entry === 'string'),
  }),
  /** TLS options for HTTPS, such as `ca`. Default: those of the client. */
  tls: custom<object | undefined>({
    type: 'object',
    default: undefined,
    accepts: (value) => typeof value === 'object' && value !== null,
  }),
};

export type ServerOptions = Resolved<typeof serverOptionTable>;
export type ClientOptions = Resolved<typeof clientOptionTable>;
/** Options of `interserve()`; a client uses those that its own table names. */
export type InterserveOptions = Given<typeof serverOptionTable> & Given<typeof clientOptionTable>;
