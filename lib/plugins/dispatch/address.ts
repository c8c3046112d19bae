import { isIP, SocketAddress } from 'node:net';

/**
 * An IP address in the one form it is compared in: IPv4 inside IPv6 as plain IPv4, IPv6 compressed and without a zone.
 * Undefined if `text` is no address.
 */
export function canonicalAddress(text: string): string | undefined {
  const family = isIP(text);
  if (family === 0) return undefined;
  if (family === 4) return text;
  const zone = text.indexOf('%');
  const bare = zone === -1 ? text : text.slice(0, zone);
  return plainAddress(new SocketAddress({ address: bare, family: 'ipv6' }).address);
}

/** What a socket that serves both families calls its peer, without the mapping prefix of IPv4. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/** An address as a socket that serves both families takes it. */
export function dualStackAddress(address: string): string {
  return address.includes(':') ? address : `::ffff:${address}`;
}
