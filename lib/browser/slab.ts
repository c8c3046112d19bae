/** Stands in for `wire/slab` in web pages: frames, put together when they are taken. */
export class Slab {
  pendingBytes = 0;
  #frames: Uint8Array[] = [];

  adopt(frame: Uint8Array): void {
    this.#frames.push(frame);
    this.pendingBytes += frame.length;
  }

  /** Nothing is held in advance. */
  release(): void {}

  take(): Uint8Array[] {
    const taken = joined(this.#frames);
    this.#frames = [];
    this.pendingBytes = 0;
    return taken.length > 0 ? [taken] : [];
  }
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((bytes, { length }) => bytes + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
