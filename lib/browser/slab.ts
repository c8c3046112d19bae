import { concat } from '../base/bytes.ts';

/** The page's slab: frames, which are joined when they are sent. */
export class Slab {
  pendingBytes = 0;
  /** Never written to by a codec; not there at run time. */
  declare readonly isLent: false;
  #frames: Uint8Array[] = [];

  adopt(frame: Uint8Array): void {
    this.#frames.push(frame);
    this.pendingBytes += frame.length;
  }

  /** Nothing is held in advance. */
  release(): void {}

  take(): Uint8Array[] {
    const taken = concat(this.#frames);
    this.#frames = [];
    this.pendingBytes = 0;
    return taken.length > 0 ? [taken] : [];
  }
}
