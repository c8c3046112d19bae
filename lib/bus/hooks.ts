import type { HttpHook, PeerHandle } from './plugin.ts';

/** What one plugin has asked to be called for, in the order it did. */
export interface Hooks {
  readonly connect: ((peer: PeerHandle, payload: unknown) => void)[];
  readonly disconnect: ((peer: PeerHandle, reason: unknown) => void)[];
  readonly link: ((peer: PeerHandle, up: boolean) => void)[];
  readonly ready: (() => Promise<void>)[];
  readonly start: (() => void | Promise<void>)[];
  readonly close: (() => void | Promise<void>)[];
  readonly http: HttpHook[];
  /** What ends with its installation. */
  readonly stops: Set<() => void>;
}
