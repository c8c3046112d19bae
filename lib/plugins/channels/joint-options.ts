import { custom, type Given, integer, type Resolved } from '../../base/options.ts';
import { listedOriginsOption } from '../../transport/origin-options.ts';

/** Options of `joint()` and `channels({ joint })`. */
export const jointTable = {
  /** The TCP port; raw and WebSocket peers share it. 0 chooses a free one. */
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
  /** Origins of web pages that may connect over WebSocket. Default: none. Programs send no origin. */
  origins: listedOriginsOption(),
  /** Most connections from one address, or one IPv6 network of 64 bits; one more is closed without a byte. */
  maxPerAddress: integer({
    default: 23,
    min: 1,
  }),
  /** Most connections. */
  maxConnections: integer({ default: 4_096, min: 1 }),
  /** A connection that has sent nothing after this time is closed. */
  firstByteTimeoutMs: integer({
    default: 5_000,
    min: 1,
    unit: 'ms',
  }),
  /** A keep-alive is sent this long after the last other byte. */
  keepAliveMs: integer({
    default: 5_000,
    min: 1,
    unit: 'ms',
  }),
  /** Most bytes that wait on one connection; above it, the connection is closed. */
  maxPendingBytes: integer({
    default: 8_388_608,
    min: 65_536,
    unit: 'bytes',
  }),
};

export type JointOptions = Given<typeof jointTable>;
export type JointSettings = Resolved<typeof jointTable>;
