import { Signal } from '../../../base/wait.ts';
import type { Log } from '../log/log.ts';

/** A sender may have this many times what is free: alone four fifths, and a further one finds room. */
const mostOfFree = 4;
/** What the segments' heads have of a dead letter. */
export const namedBytes = 128;
/** What a message has more as a dead letter. */
const deadHeadBytes = 300 + namedBytes;

/** What messages take, whose record has that many bytes: there is room for them as dead letters too. */
export function roomOf(recordBytes: number, messages: number): number {
  return recordBytes + messages * deadHeadBytes;
}

interface Part {
  bytes: number;
  owner: string;
}

/** What each sender has in the folder that is still needed, so that none keeps the others out: not by having several ids either. */
export class Shares {
  /** Wakes when a sender has less. */
  readonly freed = new Signal();
  readonly #log: Log;
  readonly maxBytes: number;
  readonly #ownerOf: (folder: string) => string | undefined;
  readonly #parts = new Map<string, Part>();
  readonly #owners = new Map<string, number>();
  #all = 0;

  /** `ownerOf` says whose a folder is; all of those of whom nothing is known are one. */
  constructor(log: Log, maxBytes: number, ownerOf: (folder: string) => string | undefined) {
    this.#log = log;
    this.maxBytes = maxBytes;
    this.#ownerOf = ownerOf;
  }

  /** Whether this sender may have this much more: its owner of the folder, and it of what its owner may have. */
  allow(folder: string, bytes: number): boolean {
    const { owner, bytes: has } = this.#partOf(folder);
    const owned = this.#owners.get(owner) ?? 0;
    const most = mostOfFree * (this.maxBytes - Math.max(this.#log.bytes, this.#all));
    if (owned > 0 && owned + bytes > most) return false;
    return has === 0 || has + bytes <= mostOfFree * (most - owned);
  }

  take(folder: string, bytes: number): void {
    const part = this.#partOf(folder);
    part.bytes += bytes;
    this.#all += bytes;
    this.#parts.set(folder, part);
    this.#change(part.owner, bytes);
  }

  /** That much of it is needed no more. */
  give(folder: string, bytes: number): void {
    const part = this.#parts.get(folder);
    if (part !== undefined) {
      const less = Math.min(bytes, part.bytes);
      part.bytes -= less;
      this.#all -= less;
      this.#change(part.owner, -less);
      if (part.bytes === 0) this.#parts.delete(folder);
    }
    if (this.freed.isAwaited) this.freed.wake();
  }

  /** One that comes as another's from now on has with that one what it had. */
  #partOf(folder: string): Part {
    const owner = this.#ownerOf(folder) ?? '';
    const part = this.#parts.get(folder) ?? { bytes: 0, owner };
    if (part.owner !== owner) {
      this.#change(part.owner, -part.bytes);
      this.#change(owner, part.bytes);
      part.owner = owner;
    }
    return part;
  }

  #change(owner: string, bytes: number): void {
    const owned = (this.#owners.get(owner) ?? 0) + bytes;
    if (owned > 0) this.#owners.set(owner, owned);
    else this.#owners.delete(owner);
  }
}
