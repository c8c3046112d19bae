import { custom, flag, type Given, integer, type Resolved } from '../../base/options.ts';
import { isNodeName } from './subjects.ts';

/** What `connect` of `@nats-io/transport-node` takes, of which these are the most used. */
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

/** What `cluster()` takes; `name` and `node` have to be given. */
export const clusterTable = {
  /** Servers with one name are one world. */
  name: named(),
  /** The name of this server in it; one server has it at a time. */
  node: named(),
  /** Passed to `connect` of `@nats-io/transport-node`: `servers`, `user`, `pass`, `token`, `authenticator`, `tls` and others. */
  nats: custom<NatsOptions>({
    type: 'object',
    default: {},
    accepts: (value) => typeof value === 'object' && value !== null,
  }),
  /** By which nodes prove to each other that they are of this world: 16 bytes or more, as text or bytes. */
  secret: custom<string | Uint8Array | undefined>({
    type: 'string or Uint8Array',
    range: `${leastSecretBytes} bytes`,
    default: undefined,
    accepts: (value) =>
      (typeof value === 'string' && Buffer.byteLength(value) >= leastSecretBytes) ||
      (value instanceof Uint8Array && value.length >= leastSecretBytes),
  }),
  /** How often a node says that it is here; it is suspect 2.5 times as long after it last did. */
  heartbeatMs: integer({ default: 1_000, min: 50, max: 60_000, unit: 'ms' }),
  /** How long a node is silent, while NATS is there, and counts as dead. */
  deadAfterMs: integer({ default: 5_000, min: 200, max: 600_000, unit: 'ms' }),
  /** How long `ready` waits for NATS before it rejects `ERR_CLUSTER_UNREACHABLE`. */
  joinTimeoutMs: integer({ default: 5_000, min: 1, max: 2_147_483_647, unit: 'ms' }),
  /** Nodes that are known, those among them that are gone. */
  maxNodes: integer({ default: 1_000, min: 2, max: 100_000 }),
  /** Largest message between nodes, and largest broadcast. */
  maxMessageBytes: integer({ default: 16 * mebibyte, min: 65_536, max: 2_147_483_648, unit: 'bytes' }),
  /** Bytes to one node, and of broadcasts, that were not taken; when they are reached, sends wait. */
  maxUnackedBytes: integer({ default: 4 * mebibyte, min: 65_536, max: 2_147_483_648, unit: 'bytes' }),
  /** Whether `broadcast`, `survey` and `surveyStream` of the server, and its groups, mean the clients of all nodes. */
  transparent: flag({ default: false }),
};

export type ClusterOptions = Given<typeof clusterTable> & { readonly name: string; readonly node: string };
export type ClusterSettings = Resolved<typeof clusterTable> & { readonly name: string; readonly node: string };
