import { isIP, SocketAddress } from 'node:net';

/**
 * An IP address in the one form it is compared in: IPv4 inside IPv6 as plain IPv4, IPv6 compressed, in lower case and
 * without a zone. undefined for whatever is not an address.
 */
export function canonicalAddress(text: string): string | undefined {
  const family = isIP(text);
  if (family === 0) return undefined;
  if (family === 4) return text;
  const zone = text.indexOf('%');
  const bare = zone === -1 ? text : text.slice(0, zone);
  return unmapped(new SocketAddress({ address: bare, family: 'ipv6' }).address);
}

/** What a socket that serves both families calls its peer, without the prefix that it has for IPv4. */
export function unmapped(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/** Whom an address counts for: in IPv6 a host may have all of its network of 64 bits. What is not an address stays as it is. */
export function hostOf(text: string): string {
  const address = canonicalAddress(text);
  if (address === undefined || !address.includes(':')) return address ?? text;
  const [front = '', back] = address.split('::');
  const groups = front === '' ? [] : front.split(':');
  const last = back === undefined || back === '' ? [] : back.split(':');
  while (groups.length + last.length < 8) groups.push('0');
  return `${[...groups, ...last].slice(0, 4).join(':')}::`;
}

/** Whether it is an address of this machine itself, such as 127.0.0.1 or ::1. */
export function isLoopback(text: string): boolean {
  const address = canonicalAddress(text);
  return address === '::1' || address?.startsWith('127.') === true;
}

/** Whether it is the number of a port; 0 asks for a free one. */
export function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 65_535;
}
