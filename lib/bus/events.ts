import type { SlowConsumerPolicy } from '../session/send-queue.ts';
import type { PeerHandle } from './plugin.ts';

export interface ReadyInfo {
  readonly id: string;
  readonly compress: boolean;
  readonly messagepack: boolean;
}

/** What net-ipc calls it. */
export type ClientReadyEvent = ReadyInfo;

export interface SessionInfo {
  /** `fresh`: none went before; `resumed`: the old one goes on, nothing lost; `lost`: the old one is gone. */
  readonly outcome: 'fresh' | 'resumed' | 'lost';
  readonly id: string;
}

export interface RetryInfo {
  /** 1 for the first attempt after a link broke or, with `connect()`, after the first attempt failed. */
  readonly attempt: number;
  /** Until it is made. */
  readonly waitMs: number;
}

export interface UndeliveredMessage {
  readonly data: unknown;
}

export interface SlowInfo {
  readonly peer: PeerHandle;
  readonly policy: SlowConsumerPolicy;
  /** What waits for the peer. */
  readonly bytes: number;
  readonly messages: number;
}
