/** One value of an answer, or what the handler failed with. */
export interface Part {
  readonly value?: unknown;
  readonly error?: unknown;
}

/** What the server offers: the values of a handler, as they come. */
export interface Handlers {
  call(pattern: string, data: unknown): AsyncIterable<Part>;
}

/** What `emit` sends. */
export interface EventPacket {
  readonly pattern: string;
  readonly data: unknown;
}
