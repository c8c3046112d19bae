import type { RpcFrame } from './frame.ts';

/** The most that are kept: more than either side may hold. */
const maxOwed = 100_000;

/**
 * Frames that release something, which must not be lost: they go out one after the other, and what the way refuses is
 * tried again later.
 */
export class Releases {
  readonly #send: (frame: RpcFrame) => Promise<void>;
  #owed: RpcFrame[] = [];
  #sending = false;

  constructor(send: (frame: RpcFrame) => Promise<void>) {
    this.#send = send;
  }

  add(frame: RpcFrame): void {
    if (this.#owed.length < maxOwed) this.#owed.push(frame);
    this.retry();
  }

  /** For when the way may be free again. */
  retry(): void {
    if (this.#owed.length > 0 && !this.#sending) void this.#flush();
  }

  clear(): void {
    this.#owed = [];
  }

  async #flush(): Promise<void> {
    this.#sending = true;
    while (this.#owed.length > 0) {
      const frames = this.#owed;
      this.#owed = [];
      const sent = await this.#sendAll(frames);
      if (sent === frames.length) continue;
      this.#owed = [...frames.slice(sent), ...this.#owed];
      break;
    }
    this.#sending = false;
  }

  /** How many of them were sent. */
  async #sendAll(frames: readonly RpcFrame[]): Promise<number> {
    let sent = 0;
    try {
      for (const frame of frames) {
        await this.#send(frame);
        sent += 1;
      }
    } catch {
      // The others go out later.
    }
    return sent;
  }
}
