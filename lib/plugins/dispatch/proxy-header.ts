import { isIP } from 'node:net';

/** What a load balancer says about the connection it passes on, with the PROXY protocol, versions 1 and 2. */
export type ProxyHeader =
  | { readonly state: 'incomplete' }
  | { readonly state: 'malformed'; readonly reason: string }
  | {
      readonly state: 'complete';
      /** The header's own length; the device's bytes follow it. */
      readonly length: number;
      /** Absent where the balancer speaks for itself (a health check) or does not know. */
      readonly source: ProxySource | undefined;
    };

export interface ProxySource {
  readonly address: string;
  readonly port: number;
}

/** The largest header that is waited for: version 2 with some room for its extensions. */
export const longestProxyHeader = 4_096;

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const longestText = 107;
const incomplete: ProxyHeader = { state: 'incomplete' };

/** Reads the header at the start of `bytes`, as much of it as is there. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  const opening = bytes.subarray(0, signature.length);
  if (signature.subarray(0, opening.length).equals(opening)) {
    return bytes.length < 16 ? incomplete : parseBinary(bytes);
  }
  return parseText(bytes);
}

function parseText(bytes: Buffer): ProxyHeader {
  const opening = bytes.toString('latin1', 0, Math.min(6, bytes.length));
  if (!'PROXY '.startsWith(opening)) return malformed('it does not begin with a PROXY header');
  const end = bytes.subarray(0, longestText).indexOf('\r\n');
  if (end === -1) return bytes.length < longestText ? incomplete : malformed('the line is longer than 107 bytes');
  const length = end + 2;
  const [, family, address = '', , port, destinationPort, ...rest] = bytes.toString('latin1', 0, end).split(' ');
  if (family === 'UNKNOWN') return { state: 'complete', length, source: undefined };
  const version = family === 'TCP4' ? 4 : family === 'TCP6' ? 6 : undefined;
  if (version === undefined) return malformed('the protocol is neither TCP4, TCP6 nor UNKNOWN');
  if (isIP(address) !== version) return malformed('the source is not an address of that family');
  const source = portOf(port);
  if (source === undefined || portOf(destinationPort) === undefined || rest.length > 0)
    return malformed('the ports are invalid');
  return { state: 'complete', length, source: { address, port: source } };
}

function parseBinary(bytes: Buffer): ProxyHeader {
  const versionAndCommand = bytes.readUInt8(12);
  if (versionAndCommand >> 4 !== 2) return malformed(`version ${versionAndCommand >> 4} is not known`);
  const command = versionAndCommand & 0x0f;
  if (command > 1) return malformed(`command ${command} is not known`);
  const family = bytes.readUInt8(13);
  const length = 16 + bytes.readUInt16BE(14);
  if (length > longestProxyHeader) return malformed(`it is longer than ${longestProxyHeader} bytes`);
  if (bytes.length < length) return incomplete;
  if (command === 0) return { state: 'complete', length, source: undefined };
  const body = bytes.subarray(16, length);
  if (family === 0x11) {
    if (body.length < 12) return malformed('the addresses are cut short');
    return {
      state: 'complete',
      length,
      source: { address: body.subarray(0, 4).join('.'), port: body.readUInt16BE(8) },
    };
  }
  if (family === 0x21) {
    if (body.length < 36) return malformed('the addresses are cut short');
    return { state: 'complete', length, source: { address: ipv6Text(body), port: body.readUInt16BE(32) } };
  }
  return { state: 'complete', length, source: undefined };
}

function ipv6Text(bytes: Buffer): string {
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(bytes.readUInt16BE(at).toString(16));
  return groups.join(':');
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65_535 ? port : undefined;
}

function malformed(reason: string): ProxyHeader {
  return { state: 'malformed', reason };
}
