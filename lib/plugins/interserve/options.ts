import { custom, flag, type Given, integer, type Resolved, text } from '../../base/options.ts';

const gib = 1024 ** 3;

/** The options of the server side. `docs/interserve.md` is held against this table. */
export const serverOptionTable = {
  address: text({
    doc: 'The address or domain that clients use, without a port; unless given, the one they have the bus at.',
  }),
  host: custom<string>({
    type: 'string',
    default: '127.0.0.1',
    accepts: (value) => typeof value === 'string' && value.length > 0,
    doc: 'The interface the HTTP port is bound to.',
  }),
  iport: integer({ default: 25_500, max: 65_535, doc: 'The HTTP port listened on; 0 picks a free one.' }),
  port: integer({
    default: 0,
    max: 65_535,
    doc: 'The port that clients use, such as that of a proxy; 0: the one listened on.',
  }),
  ssl: custom<boolean | undefined>({
    type: 'boolean',
    default: undefined,
    accepts: (value) => typeof value === 'boolean',
    doc: 'Whether clients use HTTPS; unless given, whether the bus has `tls` options.',
  }),
  trusted: custom<readonly string[]>({
    type: 'a list of addresses or subnets',
    default: [],
    accepts: (value) => Array.isArray(value) && value.every((entry) => typeof entry === 'string'),
    doc: 'The proxies whose X-Forwarded-For is believed.',
  }),
  timeout: integer({
    default: 30,
    min: 1,
    max: 86_400,
    unit: 's',
    doc: 'The time to wait for a turn, then to start, then to stall; a transfer that takes longer is over.',
  }),
  receiving: integer({
    default: 3600,
    min: 1,
    max: 86_400,
    unit: 's',
    doc: 'The time a receiver may take, either way, once it could have everything; then the transfer is over.',
  }),
  share: flag({ default: false, doc: 'Serves transfers on the TCP port of the bus itself instead of one of its own.' }),
  bindAddress: flag({
    default: true,
    doc: 'Refuses requests from an address other than that of the peer, where it has one.',
  }),
  size: integer({
    default: gib,
    max: Number.MAX_SAFE_INTEGER,
    unit: 'bytes',
    doc: 'The most one transfer may carry; `add` takes one for its id.',
  }),
  rate: integer({
    default: 0,
    unit: 'bytes/s',
    doc: 'The most a peer may move in a second, both ways together; 0: no limit.',
  }),
  transfers: integer({
    default: 64,
    min: 1,
    max: 65_535,
    doc: 'Transfers at once; further ones wait, and peers with few go first.',
  }),
  perPeer: integer({
    default: 0,
    max: 65_535,
    doc: 'Transfers of one peer at once; 0: half of `transfers`, so that no peer has them all.',
  }),
  waiting: integer({
    default: 8 * gib,
    min: 1,
    unit: 'bytes',
    doc: 'What may wait or move in all; a transfer counts as 64 KiB at least, a stream of unknown length as the most its id takes. One peer may ask for half, or for one transfer.',
  }),
  compress: flag({ default: false, doc: 'Compresses what is sent to peers on this machine too, not to others alone.' }),
  log: custom<((line: string) => void) | undefined>({
    type: 'function',
    default: undefined,
    accepts: (value) => typeof value === 'function',
    doc: 'Gets one line for each transfer that is over.',
  }),
};

/** The options of the client side. */
export const clientOptionTable = {
  timeout: integer({
    default: 30,
    min: 1,
    max: 86_400,
    unit: 's',
    doc: 'The time to start a send, and the time without a byte after which a transfer is given up.',
  }),
  size: integer({
    default: gib,
    max: Number.MAX_SAFE_INTEGER,
    unit: 'bytes',
    doc: 'The most one transfer may carry, either way.',
  }),
  transfers: integer({ default: 64, min: 1, max: 65_535, doc: 'Sends at once; further ones wait.' }),
  compress: flag({ default: false, doc: 'Compresses uploads to a server on this machine too, not to others alone.' }),
  tls: custom<object | undefined>({
    type: 'object',
    default: undefined,
    accepts: (value) => typeof value === 'object' && value !== null,
    doc: 'TLS options for HTTPS, such as `ca`; unless given, those of the client.',
  }),
};

export type ServerOptions = Resolved<typeof serverOptionTable>;
export type ClientOptions = Resolved<typeof clientOptionTable>;
/** What `interserve()` takes; a client is given the part of it that its own table names. */
export type InterserveOptions = Given<typeof serverOptionTable> & Given<typeof clientOptionTable>;
