import { BusError } from '../../base/errors.ts';
import type { PeerHandle } from '../../bus/plugin.ts';
import { mostJournals, type Opening } from './lane-messages.ts';

/** One sender, by the id of its folder, which proves nothing: it is whoever has it now, until its session is over. */
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

  constructor(folder: string, seenAt: number) {
    this.folder = folder;
    this.seenAt = seenAt;
  }
}

/** As it stands at the head of a segment. */
export type SenderRow = readonly [folder: string, seenAt: number, written: readonly (readonly [string, number])[]];

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
const rememberedMs = 7 * 24 * 3_600_000;

/** All who ever sent something here, and up to where each came. */
export class Senders {
  readonly #byFolder = new Map<string, Sender>();
  readonly #byPeer = new Map<PeerHandle, Sender>();
  readonly #displaced = new WeakMap<PeerHandle, Sender>();
  /** How many folders that were new here. */
  readonly #opened = new WeakMap<PeerHandle, number>();
  readonly #mostOpenings: number;

  /** `maxBytes`: of the folder, each segment of which begins with all that is known here. */
  constructor(maxBytes: number) {
    this.#mostOpenings = Math.min(mostOpenings, Math.ceil(maxBytes / 1_024));
  }

  get rows(): SenderRow[] {
    return [...this.#byFolder.values()].map(({ folder, seenAt, written }) => [folder, seenAt, [...written]]);
  }

  /** In the place of all that is known. */
  restore(rows: readonly SenderRow[]): void {
    this.#byFolder.clear();
    for (const [folder, seenAt, written] of rows) {
      for (const [journal, last] of written) this.wrote(folder, journal, last, seenAt);
    }
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

  /** Who has the folder now. */
  peerOf(folder: string): PeerHandle | undefined {
    return this.#byFolder.get(folder)?.peer;
  }

  /**
   * `peer` speaks for the folder from now on; of what it does not name any more little is kept.
   * @throws BusError `ERR_JOURNAL_IN_USE` while another one has it whose link is open, `ERR_QUEUE_FULL` for one too many.
   */
  open(peer: PeerHandle, [folder, journals]: Opening, nowMs: number): Sender {
    const known = this.#byFolder.get(folder);
    if (known?.peer !== undefined && known.peer !== peer && known.isLinked) {
      throw new BusError('ERR_JOURNAL_IN_USE', 'Another peer that is connected has this journal');
    }
    if (known === undefined) {
      const opened = this.#opened.get(peer) ?? 0;
      if (opened >= mostNew) throw new BusError('ERR_QUEUE_FULL', 'The session has opened too many journals');
      this.#makeRoom(nowMs);
      this.#opened.set(peer, opened + 1);
    }
    const sender = known ?? new Sender(folder, nowMs);
    this.leave(peer);
    const before = sender.peer;
    if (before !== undefined) {
      this.leave(before);
      sender.displaced.push(before);
      this.#displaced.set(before, sender);
    }
    this.#byFolder.set(folder, sender);
    this.#byPeer.set(peer, sender);
    sender.peer = peer;
    sender.isLinked = peer.remoteAddress !== undefined;
    sender.seenAt = nowMs;
    const kept = before !== undefined || journals.length === mostJournals ? mostUnnamed : keptUnnamed;
    this.#forgetUnnamed(sender, new Set(journals.map(([journal]) => journal)), kept);
    return sender;
  }

  /**
   * The link of the peer is open, or is not. One that is back has its folder again, whoever took it meanwhile. Returns those
   * who have to open it anew.
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
      sender.written.delete(journal);
      sender.accepted.delete(journal);
    }
  }

  #makeRoom(nowMs: number): void {
    let openings = 0;
    for (const { written } of this.#byFolder.values()) openings += written.size;
    const isFull = (): boolean => this.#byFolder.size >= mostSenders || openings >= this.#mostOpenings;
    const isOld = ({ seenAt }: Sender): boolean => nowMs - seenAt > rememberedMs;
    for (const mayGo of [isOld, ({ written }: Sender) => written.size > ordinaryOpenings]) {
      if (!isFull()) return;
      for (const sender of this.#byFolder.values()) {
        if (sender.peer !== undefined || !mayGo(sender)) continue;
        this.#byFolder.delete(sender.folder);
        openings -= sender.written.size;
      }
    }
    if (isFull()) throw new BusError('ERR_QUEUE_FULL', 'The journal has too many senders');
  }
}
