import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import type { BusError } from '../../../base/errors.ts';
import { type Random, token } from '../../../base/random.ts';
import type { PeerHandle } from '../../../bus/plugin.ts';
import type { EndpointRegistry } from '../endpoint-registry.ts';
import { acceptEncoding, ByteRate } from '../http/body-pump.ts';
import type { ServerOptions } from '../options.ts';
import { transferError } from '../outcomes.ts';
import type { Profile } from '../profile.ts';
import type { Content, Place, Way } from '../protocol.ts';
import { FairSemaphore, Quota } from './fair-share.ts';
import { type Endpoint, type Owner, Transfer } from './transfer.ts';

const pathForm = /^\/interserve\/([0-9a-f]{32})\/([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{22})$/;

/**
 * Makes and reads endpoint paths. A path is the hash of the id, 128 random bits and a tag over both, keyed by a salt of this
 * start: the tag tells a used path from one that was never made without remembering either, and look-ups go by the tag, so
 * that their time tells nothing about the random bits.
 */
export class EndpointPaths {
  readonly #random: Random;
  readonly #salt: Uint8Array;

  constructor(random: Random) {
    this.#random = random;
    this.#salt = random.bytes(32);
  }

  mint(id: string): Endpoint {
    const secret = token(this.#random);
    const hash = this.#hmac('id\0', id).toString('hex').slice(0, 32);
    const tag = this.#tag(hash, secret);
    return { path: `/interserve/${hash}/${secret}.${tag}`, tag };
  }

  /** The tag of a path that was made here; undefined for any other text. */
  read(path: string): string | undefined {
    const match = pathForm.exec(path);
    if (match === null) return undefined;
    const [, hash = '', secret = '', given = ''] = match;
    const tag = this.#tag(hash, secret);
    return timingSafeEqual(Buffer.from(tag), Buffer.from(given)) ? tag : undefined;
  }

  /** The look-up key of a secret. */
  digest(secret: string): string {
    return this.#hmac('key\0', secret).toString('base64url');
  }

  #tag(hash: string, secret: string): string {
    return this.#hmac('tag\0', hash + secret)
      .toString('base64url')
      .slice(0, 22);
  }

  #hmac(what: string, text: string): Buffer {
    return createHmac('sha256', this.#salt).update(what).update(text).digest();
  }
}

/** What the table is made from. */
export interface TableParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly options: ServerOptions;
  readonly registry: EndpointRegistry;
  readonly profile: Profile;
  /** Whether the bus has TLS options. */
  readonly secure: boolean;
  /** The port in use; undefined if the bus's is shared. */
  port(): number | undefined;
  /** Whether a peer is a client of another node. */
  isForeign(peer: PeerHandle): boolean;
}

/** A peer that had a transfer, with those that have not ended, by way and number. */
interface PeerEntry extends Owner {
  readonly transfers: Map<string, Transfer>;
}

/**
 * The server's transfers that have not ended, by endpoint for requests and by peer and number for lane messages; the keys of
 * peers; and what transfers share: permits, quota, figures.
 */
export class TransferTable {
  readonly clock: Clock;
  readonly options: ServerOptions;
  readonly registry: EndpointRegistry;
  readonly profile: Profile;
  readonly semaphore: FairSemaphore;
  readonly quota: Quota;
  readonly #random: Random;
  readonly #secure: boolean;
  readonly #port: () => number | undefined;
  readonly #isForeign: (peer: PeerHandle) => boolean;
  readonly #paths: EndpointPaths;
  readonly #byTag = new Map<string, Transfer>();
  readonly #byPeer = new Map<PeerHandle, PeerEntry>();
  readonly #byKey = new Map<string, PeerEntry>();
  readonly #left = new WeakSet<PeerHandle>();

  constructor({ clock, random, options, registry, profile, secure, port, isForeign }: TableParts) {
    this.#isForeign = isForeign;
    this.clock = clock;
    this.options = options;
    this.registry = registry;
    this.profile = profile;
    this.semaphore = new FairSemaphore(options.transfers, options.perPeer === 0 ? 'share' : options.perPeer, clock);
    this.quota = new Quota(options.waiting);
    this.#random = random;
    this.#secure = secure;
    this.#port = port;
    this.#paths = new EndpointPaths(random);
  }

  /** The bytes that each one that has not ended moved. */
  get open(): number[] {
    return [...this.#byTag.values()].map(({ bytes }) => bytes);
  }

  /** Starts a transfer, keeps it until it ends and records its end. Throws `left`, or `malformed` for a number in use. */
  begin(way: Way, number: number, content: Content, peer: PeerHandle): Transfer {
    if (this.#left.has(peer)) throw transferError('left');
    const owner = this.#entryOf(peer);
    const { transfers } = owner;
    const name = nameOf(way, number);
    if (transfers.has(name)) throw transferError('malformed', 'The number of this transfer is in use');
    const transfer = new Transfer({
      clock: this.clock,
      timeoutMs: this.options.timeout * 1000,
      receivingMs: this.options.receiving * 1000,
      way,
      number,
      content,
      owner,
      endpoint: this.#paths.mint(content.id),
    });
    transfers.set(name, transfer);
    this.#byTag.set(transfer.endpoint.tag, transfer);
    transfer.signal.addEventListener('abort', () => {
      this.#byTag.delete(transfer.endpoint.tag);
      transfers.delete(name);
    });
    this.#record(transfer);
    return transfer;
  }

  /** Records a transfer that was refused before it began. */
  refused(way: Way, id: string, peer: PeerHandle, error: BusError): void {
    if (!this.registry.exists(id)) return;
    this.profile.ended({ id, way, peer: peer.id }, error, 0, 0, 0);
  }

  /** The tag of a path that was made here; undefined for any other text. */
  tagOf(path: string): string | undefined {
    return this.#paths.read(path);
  }

  byTag(tag: string): Transfer | undefined {
    return this.#byTag.get(tag);
  }

  find(peer: PeerHandle, way: Way, number: number): Transfer | undefined {
    return this.#byPeer.get(peer)?.transfers.get(nameOf(way, number));
  }

  /** The peer with this key. The look-up goes by a keyed hash, and the key is compared in constant time. */
  ownerOf(key: string): Owner | undefined {
    const owner = this.#byKey.get(this.#paths.digest(key));
    if (owner === undefined) return undefined;
    const given = Buffer.from(key);
    const own = Buffer.from(owner.key);
    return given.length === own.length && timingSafeEqual(given, own) ? owner : undefined;
  }

  placeOf({ owner, endpoint }: Transfer): Place {
    const ssl = this.options.ssl ?? this.#secure;
    return { path: endpoint.path, key: owner.key, ssl, accept: acceptEncoding, ...this.#address() };
  }

  #address(): Pick<Place, 'address' | 'port'> {
    const { address, host, port, share } = this.options;
    const anyInterface = host === '0.0.0.0' || host === '::';
    return {
      address: address ?? (share || anyInterface ? undefined : host),
      port: port === 0 ? this.#port() : port,
    };
  }

  /** Fails every transfer that `chosen` picks. */
  fail(error: BusError, chosen: (transfer: Transfer) => boolean = () => true): void {
    for (const transfer of [...this.#byTag.values()]) if (chosen(transfer)) transfer.fail(error);
  }

  /** @throws `unreachable` where a client of another node would not find this one: its own address is that of its own node. */
  checkReach(peer: PeerHandle): void {
    const { address, port } = this.#address();
    if (!this.#isForeign(peer) || (address !== undefined && port !== undefined)) return;
    throw transferError('unreachable', 'Clients of other nodes need the options "address" and "port" of this one');
  }

  /** The peer's session has ended, or with `lost` its node is gone. */
  left(peer: PeerHandle, failure: 'left' | 'lost' = 'left'): void {
    this.#left.add(peer);
    const entry = this.#byPeer.get(peer);
    if (entry === undefined) return;
    for (const transfer of [...entry.transfers.values()]) transfer.fail(transferError(failure));
    this.#byPeer.delete(peer);
    this.#byKey.delete(this.#paths.digest(entry.key));
  }

  #entryOf(peer: PeerHandle): PeerEntry {
    const known = this.#byPeer.get(peer);
    if (known !== undefined) return known;
    const rate = new ByteRate(this.clock, this.options.rate);
    const entry = { peer, key: token(this.#random), rate, transfers: new Map<string, Transfer>() };
    this.#byPeer.set(peer, entry);
    this.#byKey.set(this.#paths.digest(entry.key), entry);
    return entry;
  }

  #record(transfer: Transfer): void {
    const { way, content, owner } = transfer;
    const which = { id: content.id, way, peer: owner.peer.id };
    this.profile.started({ ...which, size: content.size });
    const startedAt = this.clock.now();
    transfer.ended.then(
      (receipt) => this.profile.ended(which, receipt, receipt.bytes, receipt.resumed, this.clock.now() - startedAt),
      (error: BusError) =>
        this.profile.ended(which, error, transfer.bytes, transfer.pipeline?.resumed ?? 0, this.clock.now() - startedAt),
    );
  }
}

function nameOf(way: Way, number: number): string {
  return `${way} ${number}`;
}
