import { BusError } from '../../base/errors.ts';

type ByteKind = ArrayBuffer | ArrayBufferView;

interface ViewConstructor {
  new (buffer: ArrayBuffer, offset: number, length: number): ArrayBufferView;
  readonly BYTES_PER_ELEMENT?: number;
}

const bufferKind = 0;
const arrayBufferKind = 1;

/** The order is the wire's, behind Buffer and ArrayBuffer: a kind's number is its place. */
const viewKinds: readonly (ViewConstructor | undefined)[] = [
  undefined,
  undefined,
  Uint8Array,
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
];

const kindByConstructor = new Map<unknown, number>(
  viewKinds.flatMap((view, kind) => (view === undefined ? [] : [[view, kind] as const])),
);

export function isRaw(data: unknown): data is ByteKind {
  return ArrayBuffer.isView(data) || data instanceof ArrayBuffer;
}

/** The number that tells the receiver what to make of the bytes. A subclass travels as the class it extends. */
export function rawKind(data: ByteKind): number {
  if (data instanceof ArrayBuffer) return arrayBufferKind;
  if (typeof Buffer === 'function' && data instanceof Buffer) return bufferKind;
  for (let prototype: unknown = Object.getPrototypeOf(data); prototype !== null; ) {
    const kind = kindByConstructor.get((prototype as { constructor: unknown }).constructor);
    if (kind !== undefined) return kind;
    prototype = Object.getPrototypeOf(prototype);
  }
  throw new BusError('ERR_UNENCODABLE', 'This kind of binary data is unknown');
}

/** The bytes of `data`, without copying them. */
export function rawBytes(data: ByteKind): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return data instanceof Uint8Array ? data : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/**
 * What the sender gave, made of `bytes`; they are kept where they are unless the kind needs an alignment they lack.
 * @throws BusError `ERR_PROTOCOL` for an unknown kind or a length that is not a multiple of the element's.
 */
export function rawValue(kind: number, bytes: Uint8Array): unknown {
  if (kind === bufferKind && typeof Buffer === 'function') {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  if (kind === arrayBufferKind) return copyOf(bytes);
  const view = kind === bufferKind ? Uint8Array : viewKinds[kind];
  if (view === undefined) throw new BusError('ERR_PROTOCOL', `Unknown kind of binary data ${kind}`);
  const elementBytes = view.BYTES_PER_ELEMENT ?? 1;
  if (bytes.length % elementBytes !== 0) throw new BusError('ERR_PROTOCOL', 'Binary data ends inside an element');
  const aligned = bytes.byteOffset % elementBytes === 0;
  return new view(
    aligned ? (bytes.buffer as ArrayBuffer) : copyOf(bytes),
    aligned ? bytes.byteOffset : 0,
    bytes.length / elementBytes,
  );
}

/** As `rawValue`, of a copy. Small Buffers are cut out of the pool that Node has for them. */
export function rawCopy(kind: number, bytes: Uint8Array): unknown {
  if (kind !== bufferKind || typeof Buffer !== 'function') return rawValue(kind, new Uint8Array(bytes));
  const copy = Buffer.allocUnsafe(bytes.length);
  copy.set(bytes);
  return copy;
}

function copyOf(bytes: Uint8Array): ArrayBuffer {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy.buffer;
}
