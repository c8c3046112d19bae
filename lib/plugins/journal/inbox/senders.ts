import { BusError } from '../../../base/errors.ts';
import type { PeerHandle } from '../../../bus/plugin.ts';
import { mostJournals, type Opening } from '../format/lane-messages.ts';
import { bindingOf, type SenderOwner } from './sender-owner.ts';

/**
 * One sender, by the id of its folder, which proves nothing: it is the present owner of that id, until its session has
 * ended.
 */
export class Sender {
  readonly folder: string;
  /** By its openings: up to where its records are written here. */
  readonly written = new Map<string, number>();
  /** The same, with those that are about to be. */
  readonly accepted = new Map<string, number>();
  peer: PeerHandle | undefined;
  /** Who had it before, whose sessions live but had no link when another one came; the first one first. */
  readonly displaced: PeerHandle[] = [];
  /** The link of its peer is open. */
  isLinked = false;
  /** The number of its last message here. */
  lastNumber = 0;
  /** What came of it and waits for room. */
  heldBytes = 0;
  seenAt: number;
  /** The highest sequence of all openings of it that were forgotten. */
  forgotten = 0;
  /** A `SenderOwner`. */
  owner: string | undefined;
  /** What is written here says so. */
  isOwnerNoted = true;

  constructor(folder: string, seenAt: number) {
    this.folder = folder;
    this.seenAt = seenAt;
  }

  /** The highest sequence of all openings but these. */
  lastBut(named: ReadonlySet<string>): number {
    let last = this.forgotten;
    for (const [journal, sequence] of this.accepted) if (!named.has(journal)) last = Math.max(last, sequence);
    return last;
  }
}

/** As it stands at the head of a segment. */
export type SenderRow = readonly [
  folder: string,
  seenAt: number,
  written: readonly (readonly [string, number])[],
  forgotten?: number,
  owner?: string | undefined,
];

const mostSenders = 10_000;
/** Openings of all senders together, of a folder of a hundred MiB or more. */
const mostOpenings = 100_000;
/** An ordinary sender has few; who has more is the first to go. */
const ordinaryOpenings = 64;
/** Openings that their sender does not name any more: who only has its id cannot have them forgotten. */
const keptUnnamed = 8;
/** The same, where its sender has more than it can name, or may have nothing but the id. */
const mostUnnamed = 1_024;
/** Folders that are new here and that one session may open. */
const mostNew = 4;
/** Folders of one owner, where others have no room. */
const mostOwned = 1_000;
/** Peers that one folder may be given back to. */
const mostDisplaced = 16;
const rememberedMs = 7 * 24 * 3_600_000;

/** All who ever sent something here, and up to where each came. */
export class Senders {
  readonly #byFolder = new Map<string, Sender>();
  readonly #byPeer = new Map<PeerHandle, Sender>();
  readonly #displaced = new WeakMap<PeerHandle, Sender>();
  /** Which folders that were new here. */
  readonly #opened = new WeakMap<PeerHandle, Set<string>>();
  readonly #mostOpenings: number;
  readonly #isBinding: boolean;
  /** A peer speaks for this one no more. */
  left: (sender: Sender) => void = () => {};

  /** `maxBytes`: of the folder, each segment of which begins with all that is known here. `isBinding`: owners are told apart. */
  constructor(maxBytes: number, isBinding = false) {
    this.#isBinding = isBinding;
    this.#mostOpenings = Math.min(mostOpenings, Math.ceil(maxBytes / 1_024));
  }

  get rows(): SenderRow[] {
    return Array.from(this.#byFolder.values(), ({ folder, seenAt, written, forgotten, owner }) => [
      folder,
      seenAt,
      [...written],
      forgotten,
      owner,
    ]);
  }

  /** Replaces all that is known. */
  restore(rows: readonly SenderRow[]): void {
    this.#byFolder.clear();
    for (const [folder, seenAt, written, forgotten = 0, owner] of rows) {
      for (const [journal, last] of written) {
        const sender = this.wrote(folder, journal, last, seenAt);
        sender.forgotten = forgotten;
        this.owned(folder, owner ?? undefined);
      }
    }
  }

  /** It is written here whose the folder is. */
  owned(folder: string, owner: string | undefined): void {
    const sender = this.#byFolder.get(folder);
    if (sender === undefined) return;
    sender.owner = owner;
    sender.isOwnerNoted = true;
  }

  /** All of that opening up to `last` is written here. */
  wrote(folder: string, journal: string, last: number, seenAt: number): Sender {
    const sender = this.#byFolder.get(folder) ?? new Sender(folder, seenAt);
    this.#byFolder.set(folder, sender);
    sender.written.set(journal, Math.max(last, sender.written.get(journal) ?? 0));
    sender.accepted.set(journal, Math.max(last, sender.accepted.get(journal) ?? 0));
    return sender;
  }

  of(peer: PeerHandle): Sender | undefined {
    return this.#byPeer.get(peer);
  }

  /** Whose the folder is. */
  ownerOf(folder: string): string | undefined {
    return this.#byFolder.get(folder)?.owner;
  }

  /** Who has the folder now. */
  peerOf(folder: string): PeerHandle | undefined {
    return this.#byFolder.get(folder)?.peer;
  }

  /**
   * `peer` speaks for the folder from now on; of what it does not name any more little is kept.
   * @throws BusError `ERR_JOURNAL_IN_USE` while another one has it whose link is open, `ERR_UNAUTHORIZED` where it is bound to
   * another owner, `ERR_QUEUE_FULL` for one too many.
   */
  open(peer: PeerHandle, [folder, journals]: Opening, nowMs: number, owner?: SenderOwner): Sender {
    const known = this.#byFolder.get(folder);
    const binding = bindingOf(known?.owner);
    if (this.#isBinding && binding !== undefined && binding !== owner) {
      throw new BusError('ERR_UNAUTHORIZED', 'The journal belongs to another client');
    }
    if (known?.peer !== undefined && known.peer !== peer && known.isLinked) {
      throw new BusError('ERR_JOURNAL_IN_USE', 'Another peer that is connected has this journal');
    }
    if (known === undefined) {
      const opened = this.#opened.get(peer) ?? new Set();
      if (opened.size >= mostNew && !opened.has(folder)) {
        throw new BusError('ERR_QUEUE_FULL', 'The session has opened too many journals');
      }
      this.#makeRoom(nowMs, owner);
      this.#opened.set(peer, opened.add(folder));
    }
    const sender = known ?? new Sender(folder, nowMs);
    this.leave(peer);
    const before = sender.peer;
    if (before !== undefined) {
      this.leave(before);
      // One that is not remembered opens it again, as any other.
      if (sender.displaced.length < mostDisplaced) {
        sender.displaced.push(before);
        this.#displaced.set(before, sender);
      }
    }
    this.#byFolder.set(folder, sender);
    this.#byPeer.set(peer, sender);
    sender.peer = peer;
    sender.isLinked = peer.remoteAddress !== undefined;
    sender.seenAt = nowMs;
    if (sender.owner !== owner && (this.#isBinding || binding === undefined)) {
      sender.owner = owner;
      sender.isOwnerNoted = false;
    }
    const kept = before !== undefined || journals.length === mostJournals ? mostUnnamed : keptUnnamed;
    this.#forgetUnnamed(sender, new Set(journals.map(([journal]) => journal)), kept);
    return sender;
  }

  /**
   * The link of the peer is open, or is not. One that is back has its folder again, even if another peer used it in the
   * meantime. Returns those who have to open it again.
   */
  linked(peer: PeerHandle, isUp: boolean): PeerHandle[] {
    const own = this.#byPeer.get(peer);
    if (own !== undefined) own.isLinked = isUp;
    const sender = this.#displaced.get(peer);
    if (!isUp || sender === undefined) return [];
    this.#displaced.delete(peer);
    const place = sender.displaced.indexOf(peer);
    const known = this.#byFolder.get(sender.folder);
    if (place < 0 || (known !== undefined && known !== sender)) return [];
    sender.displaced.length = place;
    const other = sender.peer;
    if (other !== undefined) this.leave(other);
    this.leave(peer);
    this.#byFolder.set(sender.folder, sender);
    this.#byPeer.set(peer, sender);
    sender.peer = peer;
    sender.isLinked = true;
    return other === undefined ? [peer] : [other, peer];
  }

  /** The session of the peer is over. */
  over(peer: PeerHandle): void {
    this.leave(peer);
    const sender = this.#displaced.get(peer);
    if (sender === undefined) return;
    const place = sender.displaced.indexOf(peer);
    if (place >= 0) sender.displaced.splice(place, 1);
  }

  /** Nothing more comes of the peer for now, or its folder is another's. */
  leave(peer: PeerHandle): void {
    const sender = this.#byPeer.get(peer);
    if (sender === undefined) return;
    this.#byPeer.delete(peer);
    this.left(sender);
    sender.peer = undefined;
    sender.isLinked = false;
    for (const [journal, last] of sender.accepted) if (last === 0) sender.accepted.delete(journal);
    if (sender.accepted.size === 0) this.#byFolder.delete(sender.folder);
  }

  #forgetUnnamed(sender: Sender, named: ReadonlySet<string>, most: number): void {
    const unnamed = [...sender.accepted.keys()].filter((journal) => !named.has(journal));
    const kept = new Set(unnamed.filter((journal) => sender.written.has(journal)).slice(-most));
    for (const journal of unnamed) {
      if (kept.has(journal)) continue;
      sender.forgotten = Math.max(sender.forgotten, sender.accepted.get(journal) ?? 0);
      sender.written.delete(journal);
      sender.accepted.delete(journal);
    }
  }

  #makeRoom(nowMs: number, owner: SenderOwner): void {
    let openings = 0;
    for (const { written } of this.#byFolder.values()) openings += written.size;
    const isFull = (): boolean => this.#byFolder.size >= mostSenders || openings >= this.#mostOpenings;
    const isOld = ({ seenAt }: Sender): boolean => nowMs - seenAt > rememberedMs;
    const hasMany = ({ written }: Sender): boolean => written.size > ordinaryOpenings;
    const owned = isFull() ? this.#owned() : new Map<string, number>();
    const isOfMany = ({ owner: other = '' }: Sender): boolean => {
      const count = owned.get(other) ?? 0;
      if (other === owner || count <= mostOwned) return false;
      owned.set(other, count - 1);
      return true;
    };
    for (const mayGo of [isOld, hasMany, isOfMany]) {
      for (const sender of isFull() ? this.#byFolder.values() : []) {
        if (sender.peer !== undefined || !isFull() || !mayGo(sender)) continue;
        this.#byFolder.delete(sender.folder);
        openings -= sender.written.size;
      }
    }
    if (isFull()) throw new BusError('ERR_QUEUE_FULL', 'The journal has too many senders');
  }
  /** How many folders each owner has. */
  #owned(): Map<string, number> {
    const owned = new Map<string, number>();
    for (const { owner } of this.#byFolder.values())
      if (owner !== undefined) owned.set(owner, (owned.get(owner) ?? 0) + 1);
    return owned;
  }
}
