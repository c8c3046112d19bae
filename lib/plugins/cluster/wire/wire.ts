import type { BusError } from '../../../base/errors.ts';

/** What a wire tells. Each is called on a turn of its own. */
export interface WireEvents {
  /** What is published arrives from now on, unless something breaks. */
  up(): void;
  /** It will be back, by itself. */
  down(): void;
  /** It will never be up, or never again. */
  refused(error: BusError): void;
  /** An attempt to get up failed; others follow. */
  failed(error: unknown): void;
}

/** What nodes speak over: published bytes that arrive at most once, in the order of their publisher, or are lost in silence. */
export interface Wire {
  readonly isUp: boolean;
  /** Takes `bytes` over permanently; drops them while the wire is not up. */
  publish(subject: string, bytes: Uint8Array): void;
  /** As `publish`; `nobody` is called if it is known that no one listens there. */
  probe(subject: string, bytes: Uint8Array, nobody: () => void): void;
  /** As long as the wire lives. `heard` must not throw. */
  subscribe(subject: string, heard: (bytes: Uint8Array) => void): void;
  /** Calls `then` when what was published is over there, or is lost. */
  flush(then: () => void): void;
  close(): Promise<void>;
}

export type OpenWire = (events: WireEvents) => Wire;

/** Before there is one. */
export const nowhere: Wire = {
  isUp: false,
  publish() {},
  probe() {},
  subscribe() {},
  flush: (then) => then(),
  close: () => Promise.resolve(),
};
