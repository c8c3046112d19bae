import { longestTimerMs } from '../../base/clock.ts';
import { callback, custom, integer, optional, type OptionTable, type Resolved, text } from '../../base/options.ts';
import type { PeerHandle } from '../../bus/plugin.ts';
import { listedOriginsOption } from '../../transport/origin-options.ts';
import type { Protocol } from './driver.ts';
import type { Log } from './log.ts';

/** The request of a driver, as `allow` gets it. */
export interface PortWish {
  readonly protocol: Protocol;
  readonly port: number;
  readonly accept: readonly string[];
}

/**
 * Only `true`, or a promise of it, admits; a throw or a rejection refuses with its message. `peer` is undefined for a
 * WebSocket driver, which the secret admitted.
 */
export type Allow = (peer: PeerHandle | undefined, wish: PortWish) => unknown;

/** PEM text. */
export interface TlsFiles {
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
}

export const dispatchOptions = {
  /** Port for WebSocket drivers; 0 chooses a free one. Without it, drivers connect over the bus only. */
  port: optional(integer({ default: 0, max: 65_535 })),
  /** Address that port listens on. */
  host: text({ default: '127.0.0.1' }),
  /**
   * The token of WebSocket drivers. Default: `PLACE_SERVER_SECRET` or `SERVER_SECRET` of the environment, otherwise
   * `testing`, on loopback only, and never in production (`SG_ENV=production`).
   */
  secret: text(),
  /**
   * Decides whether a driver may have a port: only `true`, or a promise of it within `handshakeTimeoutMs`, admits.
   * Default: all drivers, except web pages that came through the gateway.
   */
  allow: callback<Allow>({
    type: '(peer, { protocol, port, accept }) => boolean',
  }),
  /** Origins of web pages that may open WebSockets here. Default: none. Programs send no origin. */
  origins: listedOriginsOption(),
  /** Address that device ports listen on; `::` serves IPv4 too. */
  deviceHost: text({ default: '::' }),
  /** Key and certificate of TLS ports, as PEM. Default: those of the bus server, otherwise a self-signed one. */
  tls: custom<TlsFiles | undefined>({
    type: '{ key, cert }',
    default: undefined,
    accepts: (value) => typeof value === 'object' && value !== null && 'key' in value && 'cert' in value,
  }),
  /**
   * Load balancers: a TCP connection from one of them has to begin with a PROXY header, version 1 or 2, with the
   * address of the device.
   */
  proxies: custom<string | readonly string[] | undefined>({
    type: 'addresses or ranges',
    default: undefined,
    accepts: (value) => typeof value === 'string' || Array.isArray(value),
  }),
  /** Called with an object for each event. */
  log: callback<Log>({ type: '(event) => void' }),
  /** Most WebSocket drivers; one more gets 503. */
  maxDrivers: integer({ default: 1_000, min: 1 }),
  /** Most ports of one bus peer. */
  maxPortsPerPeer: integer({ default: 256, min: 1 }),
  /** Most devices on one port; one more is refused. */
  maxDevices: integer({ default: 10_000, min: 1 }),
  /** Largest message of a WebSocket driver; a larger one closes it with 1009. */
  maxMessageBytes: integer({
    default: 16_777_216,
    min: 1_024,
    max: 2_147_483_647,
    unit: 'bytes',
  }),
  /** Bytes on their way to one driver at which its TCP devices are paused and its datagrams dropped. */
  maxBufferedBytes: integer({
    default: 1_048_576,
    min: 65_536,
    unit: 'bytes',
  }),
  /** Bytes on their way to one device at which those who write to it wait. */
  maxDeviceBytes: integer({
    default: 1_048_576,
    min: 65_536,
    unit: 'bytes',
  }),
  /** How long a driver that reads nothing may delay the other drivers of a device; then it loses the device. */
  stallMs: integer({
    default: 1_000,
    max: longestTimerMs,
    unit: 'ms',
  }),
  /** A device that reads nothing of what was sent to it for this long is closed. */
  deviceTimeoutMs: integer({
    default: 10_000,
    min: 1,
    max: longestTimerMs,
    unit: 'ms',
  }),
  /** A device that ended its half of the connection is closed when its drivers sent nothing to it for this long. */
  answerTimeoutMs: integer({
    default: 2_000,
    max: longestTimerMs,
    unit: 'ms',
  }),
  /** Time for request heads, `allow`, PROXY headers and TLS handshakes. */
  handshakeTimeoutMs: integer({
    default: 5_000,
    min: 1,
    max: longestTimerMs,
    unit: 'ms',
  }),
  /** A WebSocket driver is pinged at this interval, and closed if it gives no sign of life until the next ping. */
  heartbeatMs: integer({
    default: 30_000,
    min: 100,
    max: longestTimerMs,
    unit: 'ms',
  }),
  /** Time for WebSockets and devices to close in order when the dispatcher closes. */
  closeTimeoutMs: integer({
    default: 5_000,
    max: longestTimerMs,
    unit: 'ms',
  }),
} satisfies OptionTable;

export type DispatchSettings = Resolved<typeof dispatchOptions>;

export type DispatchOptions = {
  readonly [Name in keyof DispatchSettings]?: DispatchSettings[Name] | undefined;
};
