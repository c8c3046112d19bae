import type { Handling } from '../base/handling.ts';
import type { IncomingRequest } from './incoming.ts';
import type { PeerHandle } from './plugin.ts';
import type { Plugins } from './plugins.ts';

type ConversationEvent = 'ready' | 'error' | 'close' | 'status' | 'session' | 'undelivered' | 'slow' | 'link' | 'retry';

/** What a client's conversation tells the client. */
export interface ConversationOwner {
  readonly handle: PeerHandle;
  readonly plugins: Plugins;
  fire(event: ConversationEvent, ...args: readonly unknown[]): void;
  message(lane: string, data: unknown, bytes: number, handling: Handling | undefined): void;
  request(request: IncomingRequest, data: unknown): void;
  closed(): void;
}
