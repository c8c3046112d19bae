import { custom, flag, type Given, integer, type Resolved } from '../../base/options.ts';
import { isNodeName } from './wire/subjects.ts';

/** Options of `connect` of `@nats-io/transport-node`; these are the most common ones. */
export interface NatsOptions {
  readonly servers?: string | readonly string[];
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
  readonly tls?: object;
  readonly [option: string]: unknown;
}

const leastSecretBytes = 16;
const mebibyte = 1_048_576;

const named = (): ReturnType<typeof custom<string | undefined>> =>
  custom<string | undefined>({
    type: 'string',
    range: '1 to 64 letters, digits, - and _',
    default: undefined,
    accepts: isNodeName,
  });

/** Without an address nats.js would take its own default. */
const namesNobody = (nats: { readonly servers?: unknown }): boolean =>
  nats.servers === '' || (Array.isArray(nats.servers) && (nats.servers.length === 0 || nats.servers.includes('')));

/** Options of `cluster()`; `name` and `node` are required. */
export const clusterTable = {
  /** Servers with the same name form one cluster. */
  name: named(),
  /** The name of this server in it; one server has it at a time. */
  node: named(),
  /** Passed to `connect` of `@nats-io/transport-node`: `servers`, `user`, `pass`, `token`, `authenticator`, `tls` and others. */
  nats: custom<NatsOptions>({
    type: 'object',
    default: {},
    accepts: (value) => typeof value === 'object' && value !== null && !Array.isArray(value) && !namesNobody(value),
  }),
  /** Proves to other nodes that this node belongs to the cluster: 16 bytes or more, as text or bytes. */
  secret: custom<string | Uint8Array | undefined>({
    type: 'string or Uint8Array',
    range: `${leastSecretBytes} bytes`,
    default: undefined,
    accepts: (value) =>
      (typeof value === 'string' && Buffer.byteLength(value) >= leastSecretBytes) ||
      (value instanceof Uint8Array && value.length >= leastSecretBytes),
  }),
  /** Interval at which a node announces itself; it is suspect when silent for 2.5 times as long. */
  heartbeatMs: integer({ default: 1_000, min: 50, max: 60_000, unit: 'ms' }),
  /** Silence, while NATS is reachable, after which a node counts as dead. */
  deadAfterMs: integer({ default: 5_000, min: 200, max: 600_000, unit: 'ms' }),
  /** Time that `ready` waits for NATS before it rejects with `ERR_CLUSTER_UNREACHABLE`. */
  joinTimeoutMs: integer({ default: 5_000, min: 1, max: 2_147_483_647, unit: 'ms' }),
  /** Most known nodes, including those that are gone. */
  maxNodes: integer({ default: 1_000, min: 2, max: 100_000 }),
  /** Largest message between nodes, and largest broadcast. */
  maxMessageBytes: integer({ default: 16 * mebibyte, min: 65_536, max: 2_147_483_648, unit: 'bytes' }),
  /** Unacknowledged bytes to one node, and of broadcasts, at which sends wait. */
  maxUnackedBytes: integer({ default: 4 * mebibyte, min: 65_536, max: 2_147_483_648, unit: 'bytes' }),
  /**
   * Whether `broadcast`, `survey` and `surveyStream` of the server, and its groups, include the clients of all nodes.
   */
  transparent: flag({ default: false }),
};

export type ClusterOptions = Given<typeof clusterTable> & { readonly name: string; readonly node: string };
export type ClusterSettings = Resolved<typeof clusterTable> & { readonly name: string; readonly node: string };
