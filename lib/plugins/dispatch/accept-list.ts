import { BlockList, isIP } from 'node:net';
import { BusError } from '../../base/errors.ts';
import { canonicalAddress } from '../../base/ip.ts';

const mostEntries = 1_024;
const mostRemembered = 4_096;

/** The addresses a driver takes devices from: single ones and ranges in CIDR notation, IPv4 and IPv6. */
export class AcceptList {
  /** The entries as they were given, without doubles. */
  readonly entries: readonly string[];
  readonly #exact = new Set<string>();
  /** One list for each family, as a range of IPv6 would take the IPv4 addresses mapped into it. */
  readonly #ranges = new Map<'ipv4' | 'ipv6', BlockList>();
  /** Answers for addresses that no single entry names; ranges are slow to search for every datagram. */
  readonly #remembered = new Map<string, boolean>();

  /** @throws BusError `ERR_INVALID_ARGUMENT` naming the entry that is not an address and no range. */
  constructor(entries: Iterable<string>) {
    const kept = new Set<string>();
    for (const entry of entries) {
      const text = entry.trim();
      this.#add(text);
      kept.add(text);
      if (kept.size > mostEntries) throw refused(`accept can have at most ${mostEntries} entries`);
    }
    if (kept.size === 0) throw refused('accept names no address');
    this.entries = [...kept];
  }

  /** From a list, or from the comma-separated text of the query string. */
  static parse(accept: unknown): AcceptList {
    if (typeof accept === 'string') return new AcceptList(accept.split(','));
    if (Array.isArray(accept) && accept.every((entry) => typeof entry === 'string')) return new AcceptList(accept);
    throw refused('accept must be a list of addresses, or a text that separates them by commas');
  }

  /** Whether a device at `address` is wanted. */
  matches(address: string): boolean {
    if (this.#exact.has(address)) return true;
    const remembered = this.#remembered.get(address);
    if (remembered !== undefined) return remembered;
    const answer = this.#search(address);
    if (this.#remembered.size >= mostRemembered) this.#remembered.clear();
    this.#remembered.set(address, answer);
    return answer;
  }

  toString(): string {
    return this.entries.join(',');
  }

  #search(address: string): boolean {
    const canonical = canonicalAddress(address);
    if (canonical === undefined) return false;
    if (this.#exact.has(canonical)) return true;
    const family = familyOf(canonical);
    return this.#ranges.get(family)?.check(canonical, family) === true;
  }

  #add(entry: string): void {
    const [network = '', prefix, ...rest] = entry.split('/');
    const address = canonicalAddress(network);
    if (address === undefined || rest.length > 0) throw refused(`"${shown(entry)}" is not an IP address or range`);
    if (prefix === undefined) {
      this.#exact.add(address);
      return;
    }
    const family = familyOf(address);
    const length = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
    if (!(length <= (family === 'ipv6' ? 128 : 32))) {
      throw refused(`"${shown(entry)}" has an invalid prefix length for ${family === 'ipv6' ? 'IPv6' : 'IPv4'}`);
    }
    const ranges = this.#ranges.get(family) ?? new BlockList();
    ranges.addSubnet(address, length, family);
    this.#ranges.set(family, ranges);
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

function shown(entry: string): string {
  return entry.slice(0, 60);
}

function refused(reason: string): BusError {
  return new BusError('ERR_INVALID_ARGUMENT', reason);
}
