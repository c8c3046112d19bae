import { longestTimerMs } from '../../base/clock.ts';
import { callback, custom, integer, optional, type OptionTable, type Resolved, text } from '../../base/options.ts';
import type { PeerHandle } from '../../bus/plugin.ts';
import { listedOriginsOption } from '../../transport/origin-options.ts';
import type { Protocol } from './driver.ts';
import type { Log } from './log.ts';

/** What a driver asks for, as `allow` sees it. */
export interface PortWish {
  readonly protocol: Protocol;
  readonly port: number;
  readonly accept: readonly string[];
}

/** Only `true`, or a promise of it, admits; a throw or a rejection refuses with its message. `peer` is undefined for a WebSocket driver, which the secret admitted. */
export type Allow = (peer: PeerHandle | undefined, wish: PortWish) => unknown;

/** PEM text. */
export interface TlsFiles {
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
}

export const dispatchOptions = {
  /** Port for WebSocket drivers; 0 picks a free one. Without it there are drivers on the bus alone. */
  port: optional(integer({ default: 0, max: 65_535 })),
  /** Address that port listens on. */
  host: text({ default: '127.0.0.1' }),
  /**
   * The token of WebSocket drivers. Else `PLACE_SERVER_SECRET` or `SERVER_SECRET` of the environment; else `testing`,
   * on loopback alone, and never in production (`SG_ENV=production`).
   */
  secret: text(),
  /**
   * Says whether a driver may have a port: only `true` admits, or a promise of it within `handshakeTimeoutMs`. By
   * default all may, but for web pages that came by the gateway.
   */
  allow: callback<Allow>({
    type: '(peer, { protocol, port, accept }) => boolean',
  }),
  /** Web pages whose scripts may open WebSockets here, by origin; none unless listed. Programs send no origin. */
  origins: listedOriginsOption(),
  /** Address that device ports listen on; `::` serves IPv4 too. */
  deviceHost: text({ default: '::' }),
  /** Key and certificate of TLS ports, as PEM. Else those of the bus server, else a self-signed one. */
  tls: custom<TlsFiles | undefined>({
    type: '{ key, cert }',
    default: undefined,
    accepts: (value) => typeof value === 'object' && value !== null && 'key' in value && 'cert' in value,
  }),
  /**
   * Load balancers: a TCP connection from one of them must begin with a PROXY header, version 1 or 2, which names the
   * device.
   */
  proxies: custom<string | readonly string[] | undefined>({
    type: 'addresses or ranges',
    default: undefined,
    accepts: (value) => typeof value === 'string' || Array.isArray(value),
  }),
  /** Hears of what happens, one object an event. */
  log: callback<Log>({ type: '(event) => void' }),
  /** WebSocket drivers at a time; one more gets 503. */
  maxDrivers: integer({ default: 1_000, min: 1 }),
  /** Ports one bus peer may hold at a time. */
  maxPortsPerPeer: integer({ default: 256, min: 1 }),
  /** Devices on one port; one more is refused. */
  maxDevices: integer({ default: 10_000, min: 1 }),
  /** Largest message of a WebSocket driver; a larger one closes it with 1009. */
  maxMessageBytes: integer({
    default: 16_777_216,
    min: 1_024,
    max: 2_147_483_647,
    unit: 'bytes',
  }),
  /** On their way to one driver before its TCP devices are paused and its datagrams dropped. */
  maxBufferedBytes: integer({
    default: 1_048_576,
    min: 65_536,
    unit: 'bytes',
  }),
  /** On their way to one device before those who write to it wait. */
  maxDeviceBytes: integer({
    default: 1_048_576,
    min: 65_536,
    unit: 'bytes',
  }),
  /** How long a driver that takes nothing may hold up the other drivers of a device; then it loses the device. */
  stallMs: integer({
    default: 1_000,
    max: longestTimerMs,
    unit: 'ms',
  }),
  /** A device that takes nothing of what was sent to it for so long is closed. */
  deviceTimeoutMs: integer({
    default: 10_000,
    min: 1,
    max: longestTimerMs,
    unit: 'ms',
  }),
  /** A device that ended its half of the connection is closed once its drivers sent nothing to it for so long. */
  answerTimeoutMs: integer({
    default: 2_000,
    max: longestTimerMs,
    unit: 'ms',
  }),
  /** For request heads, `allow`, PROXY headers and TLS handshakes. */
  handshakeTimeoutMs: integer({
    default: 5_000,
    min: 1,
    max: longestTimerMs,
    unit: 'ms',
  }),
  /** A WebSocket driver is pinged this often, and closed if it gives no sign of life until the next time. */
  heartbeatMs: integer({
    default: 30_000,
    min: 100,
    max: longestTimerMs,
    unit: 'ms',
  }),
  /** For WebSockets and devices to close in order when the dispatcher closes. */
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
