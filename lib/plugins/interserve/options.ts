import { custom, flag, type Given, integer, type Resolved, text } from '../../base/options.ts';

const gib = 1024 ** 3;

/** The options of the server side. `docs/interserve.md` is held against this table. */
export const serverOptionTable = {
  /** The address or domain that clients use, without a port; unless given, the one they have the bus at. */
  address: text(),
  /** The interface the HTTP port is bound to. */
  host: custom<string>({
    type: 'string',
    default: '127.0.0.1',
    accepts: (value) => typeof value === 'string' && value.length > 0,
  }),
  /** The HTTP port listened on; 0 picks a free one. */
  iport: integer({ default: 25_500, max: 65_535 }),
  /** The port that clients use, such as that of a proxy; 0: the one listened on. */
  port: integer({
    default: 0,
    max: 65_535,
  }),
  /** Whether clients use HTTPS; unless given, whether the bus has `tls` options. */
  ssl: custom<boolean | undefined>({
    type: 'boolean',
    default: undefined,
    accepts: (value) => typeof value === 'boolean',
  }),
  /** The proxies whose X-Forwarded-For is believed. */
  trusted: custom<readonly string[]>({
    type: 'a list of addresses or subnets',
    default: [],
    accepts: (value) => Array.isArray(value) && value.every((entry) => typeof entry === 'string'),
  }),
  /** The time to wait for a turn, then to start, then to stall; a transfer that takes longer is over. */
  timeout: integer({
    default: 30,
    min: 1,
    max: 86_400,
    unit: 's',
  }),
  /** The time a receiver may take, either way, once it could have everything; then the transfer is over. */
  receiving: integer({
    default: 3600,
    min: 1,
    max: 86_400,
    unit: 's',
  }),
  /** Serves transfers on the TCP port of the bus itself instead of one of its own. */
  share: flag({ default: false }),
  /** Refuses requests from an address other than that of the peer, where it has one. */
  bindAddress: flag({
    default: true,
  }),
  /** The most one transfer may carry; `add` takes one for its id. */
  size: integer({
    default: gib,
    max: Number.MAX_SAFE_INTEGER,
    unit: 'bytes',
  }),
  /** The most a peer may move in a second, both ways together; 0: no limit. */
  rate: integer({
    default: 0,
    unit: 'bytes/s',
  }),
  /** Transfers at once; further ones wait, and peers with few go first. */
  transfers: integer({
    default: 64,
    min: 1,
    max: 65_535,
  }),
  /** Transfers of one peer at once; 0: half of what others left of `transfers`, so that there is a turn for whoever comes. */
  perPeer: integer({
    default: 0,
    max: 65_535,
  }),
  /**
   * What may wait or move in all; a transfer counts as 64 KiB at least, a stream of unknown length as what came of it.
   * One peer may ask for half of what others left, or for one transfer; a sixteenth is kept for small ones.
   */
  waiting: integer({
    default: 8 * gib,
    min: 1,
    unit: 'bytes',
  }),
  /** Compresses what is sent to peers on this machine too, not to others alone. */
  compress: flag({ default: false }),
  /** Gets one line for each transfer that is over. */
  log: custom<((line: string) => void) | undefined>({
    type: 'function',
    default: undefined,
    accepts: (value) => typeof value === 'function',
  }),
};

/** The options of the client side. */
export const clientOptionTable = {
  /** The time to start a send, and the time without a byte after which a transfer is given up. */
  timeout: integer({
    default: 30,
    min: 1,
    max: 86_400,
    unit: 's',
  }),
  /** The most one transfer may carry, either way. */
  size: integer({
    default: gib,
    max: Number.MAX_SAFE_INTEGER,
    unit: 'bytes',
  }),
  /** Sends at once; further ones wait. */
  transfers: integer({ default: 64, min: 1, max: 65_535 }),
  /** Compresses uploads to a server on this machine too, not to others alone. */
  compress: flag({ default: false }),
  /** Hosts that the server may send the client to besides its own, such as that of a proxy: addresses or domains. */
  hosts: custom<readonly string[]>({
    type: 'a list of hosts',
    default: [],
    accepts: (value) => Array.isArray(value) && value.every((entry) => typeof entry === 'string'),
  }),
  /** TLS options for HTTPS, such as `ca`; unless given, those of the client. */
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
