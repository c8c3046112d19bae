/** A Repr-Digest header (RFC 9530) for a SHA-256 given in hexadecimal. */
export function writeDigest(sha256: string): string {
  return `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`;
}

/** The SHA-256 of a Repr-Digest or Content-Digest header in hexadecimal; undefined if it names none. */
export function readDigest(header: string | readonly string[] | undefined): string | undefined {
  const match = /(?:^|[,\s])sha-256=:([A-Za-z0-9+/]{43}=):/.exec(header?.toString() ?? '');
  return match?.[1] === undefined ? undefined : Buffer.from(match[1], 'base64').toString('hex');
}
