import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';

/** Content encodings that the platform has, best first. */
export type Encoding = 'zstd' | 'br' | 'gzip';

/** Brotli's default level is for files that are compressed once; this one keeps up with a disk. */
const brotliLevel = 4;

/** zstd came with Node 22.15, after the types this is compiled against. */
interface Zstd {
  createZstdCompress?: () => Transform;
  createZstdDecompress?: () => Transform;
}
const zstd: Zstd = zlib as object;

export const encodings: readonly Encoding[] = [
  ...(zstd.createZstdCompress === undefined ? [] : (['zstd'] as const)),
  'br',
  'gzip',
];

/** The value of Accept-Encoding for what is taken here. */
export const acceptEncoding = encodings.join(', ');

/** The best encoding that an Accept-Encoding header names without refusing it. */
export function negotiate(accept: string | undefined): Encoding | undefined {
  if (accept === undefined) return undefined;
  const taken = new Set<string>();
  for (const part of accept.toLowerCase().split(',', 32)) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim());
    if (!parameters.some((text) => /^q=0(\.0*)?$/.test(text))) taken.add(name);
  }
  return encodings.find((encoding) => taken.has(encoding));
}

export function isEncoding(name: string): name is Encoding {
  return (encodings as readonly string[]).includes(name);
}

export function encoder(encoding: Encoding): Transform {
  if (encoding === 'gzip') return zlib.createGzip({ level: 1 });
  if (encoding === 'br') {
    return zlib.createBrotliCompress({ params: { [zlib.constants.BROTLI_PARAM_QUALITY]: brotliLevel } });
  }
  return made(zstd.createZstdCompress);
}

export function decoder(encoding: Encoding): Transform {
  if (encoding === 'gzip') return zlib.createGunzip();
  if (encoding === 'br') return zlib.createBrotliDecompress();
  return made(zstd.createZstdDecompress);
}

function made(create: (() => Transform) | undefined): Transform {
  if (create === undefined) throw new RangeError('This platform has no zstd');
  return create();
}
