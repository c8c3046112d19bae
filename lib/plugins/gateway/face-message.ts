import { BusError } from '../../base/errors.ts';
import type { RequestDetails } from './http-exchange.ts';
import type { ShareMode, ShareOptions } from './share.ts';
import type { UpgradeDetails } from './upgrade-gate.ts';

/** What the gateway tells a worker. Ids are those of the servers' own events. */
export type ToWorker =
  | readonly ['request', id: string, details: RequestDetails]
  /** A request without a body: nothing follows. */
  | readonly ['whole', id: string, details: RequestDetails]
  | readonly ['data', id: string, chunk: Uint8Array]
  | readonly ['finished', id: string, chunk: Uint8Array]
  | readonly ['aborted', id: string]
  | readonly ['client', id: string, details: UpgradeDetails]
  | readonly ['message', id: string, isBinary: boolean, data: Uint8Array]
  | readonly ['closed', id: string, code: number, reason: string]
  | readonly ['drained', id: string]
  | readonly ['dropped', id: string, bytes: string]
  /** Its link was away for too long: all it had went to others, and it has to begin anew. */
  | readonly ['expelled']
  | readonly ['server', kind: 'http' | 'websocket', event: 'started' | 'stopped', text: string];

/** Status and fields of an answer; null where they were sent before. */
export type HeadData = readonly [status: string | null, fields: readonly (readonly [string, string])[]] | null;

/** What a worker tells the gateway. */
export type ToGateway =
  | readonly ['begun', count: number]
  | readonly ['took', id: string, bytes: number]
  | readonly ['answer', id: string, head: HeadData, data: Uint8Array]
  | readonly ['hold', id: string, hold: boolean]
  | readonly ['abort', id: string];

/** What a worker asks the gateway, and what it is answered. */
export type Ask =
  | readonly ['addRoute', route: string, method: string, share: ShareOptions]
  | readonly ['removeRoute', route: string, method: string]
  | readonly ['addClients', share: ShareOptions]
  | readonly ['removeClients']
  | readonly ['write', id: string, head: HeadData, data: Uint8Array]
  | readonly ['stream', id: string, head: HeadData, data: Uint8Array, total: number]
  | readonly ['http', verb: string, args: readonly unknown[]]
  | readonly ['websocket', verb: string, args: readonly unknown[]];

const modes: readonly unknown[] = ['round-robin', 'key', 'all'];

/** Reads the members of a frame one by one, each of the type it has to be. */
export class FrameReader {
  readonly kind: string;
  readonly #members: readonly unknown[];
  #next = 1;

  /** @throws BusError `ERR_PROTOCOL`, as all methods do. */
  constructor(data: unknown) {
    if (!Array.isArray(data) || typeof data[0] !== 'string') throw bad('is no list with a name');
    this.#members = data;
    this.kind = data[0];
  }

  text(): string {
    const value = this.#take();
    if (typeof value !== 'string') throw bad('lacks a string');
    return value;
  }

  count(): number {
    const value = this.#take();
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw bad('lacks a count');
    return value;
  }

  flag(): boolean {
    const value = this.#take();
    if (typeof value !== 'boolean') throw bad('lacks a boolean');
    return value;
  }

  bytes(): Buffer {
    const value = this.#take();
    if (!(value instanceof Uint8Array)) throw bad('lacks bytes');
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }

  list(): readonly unknown[] {
    return listOf(this.#take(), 'lacks a list');
  }

  /** A flat object whose values are strings, numbers or objects of strings. */
  record(): Readonly<Record<string, unknown>> {
    const value = this.#take();
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad('lacks an object');
    return value as Readonly<Record<string, unknown>>;
  }

  head(): HeadData {
    const value = this.#take();
    if (value === null) return null;
    const [status, fields] = listOf(value, 'lacks a head');
    if (status !== null && typeof status !== 'string') throw bad('lacks a status');
    return [status, listOf(fields, 'lacks its fields').map(field)];
  }

  share(): ShareOptions {
    const { share, key } = this.record();
    if (share !== undefined && !modes.includes(share)) throw bad('shares in no known way');
    if (key !== undefined && typeof key !== 'string') throw bad('shares by no header field');
    return { share: share as ShareMode | undefined, key };
  }

  #take(): unknown {
    const value: unknown = this.#members[this.#next];
    this.#next += 1;
    return value;
  }
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw bad(what);
  return value;
}

function field(value: unknown): readonly [string, string] {
  const [name, text] = listOf(value, 'lacks a field');
  if (typeof name !== 'string' || typeof text !== 'string') throw bad('lacks a field');
  return [name, text];
}

function bad(what: string): BusError {
  return new BusError('ERR_PROTOCOL', `a gateway frame ${what}`);
}
