import { BusError } from '../../base/errors.ts';
import type { ProcessMark } from '../../base/process-table.ts';
import { mostContracts } from '../contracts.ts';

/**
 * The payloads of the CONNECTION packet, which opens every link in both dialects (`docs/protocol.md`, "Opening").
 * A net-ipc peer ignores the member `busbar`.
 */
export interface ClientHello {
  readonly compress: boolean;
  readonly messagepack: boolean;
  /** The payload given to `connect()`. */
  readonly extras: unknown;
  /** The id of an earlier connection; it proves nothing. */
  readonly id: string | null;
  readonly busbar?: ClientOffer;
}

export interface ClientOffer {
  /** The native protocol versions this end speaks, best first. */
  readonly versions: readonly number[];
  readonly features: readonly string[];
  /** Largest frame body this end takes. */
  readonly maxFrameBytes: number;
  /** How deep a body may nest that this end takes, where that is not `usualDepth`. */
  readonly maxDepth?: number;
  /** Present on unix sockets, where the system tells. */
  readonly process?: ProcessMark;
  /** The hashes of the contracts that it has, if any, in the order of their numbers. */
  readonly contracts?: readonly string[];
  /** Present when the client wants its session back. */
  readonly resume?: { readonly token: string; readonly received: number };
}

export interface ServerHello {
  readonly id: string;
  readonly compress: boolean;
  readonly messagepack: boolean;
  readonly busbar?: ServerOffer;
}

export interface ServerOffer {
  readonly version: number;
  /** The features both ends have. */
  readonly features: readonly string[];
  readonly maxFrameBytes: number;
  readonly maxDepth?: number;
  readonly process?: ProcessMark;
  /** Those of the server, to a client that has some; with a new session. */
  readonly contracts?: readonly string[];
  /** 128 random bits in base64url; present for a new session. */
  readonly token?: string;
  readonly outcome: 'fresh' | 'resumed' | 'lost';
  /** The number of the client's sequenced frames that the server has processed. */
  readonly received: number;
  /** How long the server keeps the session after a link broke. */
  readonly graceMs: number;
}

const maxIdBytes = 128;
const maxVersions = 16;
const maxFeatures = 64;
const maxFeatureLength = 32;
const maxTokenLength = 64;
const maxPlaceLength = 256;
const contractHash = /^[0-9a-f]{16}$/;

type Members = Readonly<Record<string, unknown>>;

/** The payload of a client's CONNECTION packet, checked; members nobody knows are dropped. Throws `ERR_PROTOCOL`. */
export function asClientHello(value: unknown): ClientHello {
  const members = asMembers(value, 'the hello');
  const hello = {
    compress: asFlag(members['compress'], 'compress'),
    messagepack: asFlag(members['messagepack'], 'messagepack'),
    extras: members['extras'],
    id: members['id'] === undefined || members['id'] === null ? null : asId(members['id']),
  };
  return members['busbar'] === undefined ? hello : { ...hello, busbar: asClientOffer(members['busbar']) };
}

/**
 * The payload of a server's CONNECTION packet, checked: it may agree to what was `offered`, and to nothing else. Throws
 * `ERR_PROTOCOL`.
 */
export function asServerHello(value: unknown, offered: ClientHello): ServerHello {
  const members = asMembers(value, 'the hello');
  const hello = {
    id: asId(members['id']),
    compress: asFlag(members['compress'], 'compress'),
    messagepack: asFlag(members['messagepack'], 'messagepack'),
  };
  if ((hello.compress && !offered.compress) || (hello.messagepack && !offered.messagepack)) throw unasked();
  if (members['busbar'] === undefined) return hello;
  const busbar = asServerOffer(members['busbar']);
  const features = offered.busbar?.features;
  if (busbar.contracts !== undefined && offered.busbar?.contracts === undefined) throw unasked();
  if (features === undefined || busbar.features.some((feature) => !features.includes(feature))) throw unasked();
  return { ...hello, busbar };
}

function unasked(): BusError {
  return new BusError('ERR_PROTOCOL', 'The server agreed to something that was not offered');
}

function asClientOffer(value: unknown): ClientOffer {
  const members = asMembers(value, 'busbar');
  const versions = members['versions'];
  if (!Array.isArray(versions) || versions.length === 0 || versions.length > maxVersions) throw wrong('versions');
  const offer = {
    versions: versions.map((version: unknown) => asCount(version, 'versions')),
    features: asFeatures(members['features']),
    maxFrameBytes: asSize(members['maxFrameBytes']),
    ...asDepth(members['maxDepth']),
    ...asProcess(members['process']),
    ...asContracts(members['contracts']),
  };
  if (members['resume'] === undefined) return offer;
  const resume = asMembers(members['resume'], 'resume');
  return {
    ...offer,
    resume: { token: asToken(resume['token']), received: asCount(resume['received'], 'received') },
  };
}

function asServerOffer(value: unknown): ServerOffer {
  const members = asMembers(value, 'busbar');
  const outcome = members['outcome'];
  if (outcome !== 'fresh' && outcome !== 'resumed' && outcome !== 'lost') throw wrong('outcome');
  const offer = {
    version: asCount(members['version'], 'version'),
    features: asFeatures(members['features']),
    maxFrameBytes: asSize(members['maxFrameBytes']),
    ...asDepth(members['maxDepth']),
    ...asProcess(members['process']),
    ...asContracts(members['contracts']),
    outcome,
    received: asCount(members['received'], 'received'),
    graceMs: asCount(members['graceMs'], 'graceMs'),
  } as const;
  return members['token'] === undefined ? offer : { ...offer, token: asToken(members['token']) };
}

function asMembers(value: unknown, name: string): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(name);
  return value as Members;
}

/** net-ipc leaves a flag out rather than saying false. */
function asFlag(value: unknown, name: string): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value !== 'boolean') throw wrong(name);
  return value;
}

/** net-ipc servers with a `generateID` of their own may give numbers. */
function asId(value: unknown): string {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  if (typeof value !== 'string' || value.length > maxIdBytes) throw wrong('id');
  if (new TextEncoder().encode(value).length > maxIdBytes) throw wrong('id');
  return value;
}

function asFeatures(value: unknown): string[] {
  if (!Array.isArray(value) || value.length > maxFeatures) throw wrong('features');
  return value.map((feature: unknown) => {
    if (typeof feature !== 'string' || feature.length > maxFeatureLength) throw wrong('features');
    return feature;
  });
}

function asToken(value: unknown): string {
  if (typeof value !== 'string' || value.length === 0 || value.length > maxTokenLength) throw wrong('token');
  return value;
}

/** A stranger's word: it ends no session but the stranger's own. */
function asProcess(value: unknown): { readonly process?: ProcessMark } {
  if (value === undefined) return {};
  const { pid, start, place } = asMembers(value, 'process');
  if (typeof place !== 'string' || place.length > maxPlaceLength) throw wrong('place');
  return { process: { pid: asCount(pid, 'pid'), start: asCount(start, 'start'), place } };
}

function asContracts(value: unknown): { readonly contracts?: readonly string[] } {
  if (value === undefined) return {};
  if (!Array.isArray(value) || value.length > mostContracts) throw wrong('contracts');
  const contracts = value.map((hash: unknown) => {
    if (typeof hash !== 'string' || !contractHash.test(hash)) throw wrong('contracts');
    return hash;
  });
  return { contracts };
}

function asCount(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw wrong(name);
  return value;
}

function asDepth(value: unknown): { readonly maxDepth?: number } {
  if (value === undefined) return {};
  const maxDepth = asCount(value, 'maxDepth');
  if (maxDepth === 0) throw wrong('maxDepth');
  return { maxDepth };
}

function asSize(value: unknown): number {
  const size = asCount(value, 'maxFrameBytes');
  // What has to fit in any case, such as an error, does.
  if (size < 1_024) throw wrong('maxFrameBytes');
  return size;
}

function wrong(name: string): BusError {
  return new BusError('ERR_PROTOCOL', `The handshake packet is malformed: ${name}`);
}
