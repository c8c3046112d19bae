import { custom, type Given, integer, type Resolved } from '../../base/options.ts';
import { listedOriginsOption } from '../../transport/origin-options.ts';

/** What `joint()` takes, and `channels({ joint })`. */
export const jointTable = {
  /** The TCP port; raw and WebSocket peers share it. 0 picks a free one. */
  port: integer({
    default: 7_680,
    max: 65_535,
  }),
  /** The address to listen on. */
  host: custom<string>({
    type: 'string',
    default: '127.0.0.1',
    accepts: (value) => typeof value === 'string' && value !== '',
  }),
  /** Web pages whose scripts may connect over WebSocket, by origin; none unless listed. Programs send no origin. */
  origins: listedOriginsOption(),
  /** Connections from one address, or one IPv6 network of 64 bits; one more is closed without a byte. */
  maxPerAddress: integer({
    default: 23,
    min: 1,
  }),
  /** Connections in all. */
  maxConnections: integer({ default: 4_096, min: 1 }),
  /** A connection that sent nothing by then is dropped. */
  firstByteTimeoutMs: integer({
    default: 5_000,
    min: 1,
    unit: 'ms',
  }),
  /** A keep-alive follows the last thing sent by so much. */
  keepAliveMs: integer({
    default: 5_000,
    min: 1,
    unit: 'ms',
  }),
  /** What may wait to go out on one connection; beyond it the connection is dropped. */
  maxPendingBytes: integer({
    default: 8_388_608,
    min: 65_536,
    unit: 'bytes',
  }),
};

export type JointOptions = Given<typeof jointTable>;
export type JointSettings = Resolved<typeof jointTable>;
