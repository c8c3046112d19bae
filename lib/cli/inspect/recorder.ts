import { recordingEntry, recordingHead } from './recording.ts';
import type { Batch } from './tap.ts';

/** Makes a recording of what a tap of whole values tells. */
export class Recorder {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #peers = new Map<string, number>();
  #began: number | undefined;
  messages = 0;
  /** What the server had no time for. */
  dropped = 0;

  /** `write` gets the bytes in order. */
  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  begin(): void {
    this.#write(recordingHead());
  }

  add({ seen, dropped }: Batch): void {
    this.dropped += dropped;
    const entries: Uint8Array[] = [];
    for (const { at, peer, kind, data } of seen) {
      if (!(data instanceof Uint8Array) || (kind !== 'message' && kind !== 'request')) {
        this.dropped += 1;
        continue;
      }
      this.#began ??= at;
      const number = this.#peers.get(peer) ?? this.#peers.size;
      this.#peers.set(peer, number);
      entries.push(recordingEntry({ at: at - this.#began, peer: number, kind, body: data }));
    }
    this.messages += entries.length;
    if (entries.length > 0) this.#write(Buffer.concat(entries));
  }
}
