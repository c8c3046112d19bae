import type { BusError } from '../../base/errors.ts';
import type { AskOptions, MessageRequestSettings } from '../../bus/plugin.ts';
import { usualAsk } from './call-options.ts';
import type { CallBody, RpcFrame } from './frame.ts';

/** How calls get to one peer: over its lane, or through a channel. */
export interface CallTransport {
  /** Resolves with the answer's body as it came; rejects when there is none. May throw what the encoder throws. */
  ask(call: CallBody, ask: AskOptions): Promise<unknown>;
  /** May throw what the encoder throws. */
  send(frame: RpcFrame): Promise<void>;
  /** The peer is gone: what was asked is rejected. */
  close(error: BusError): void;
}

/** What a call was given, as a request takes it; undefined for one that was given nothing, the usual case. */
export function settingsOf(ask: AskOptions): MessageRequestSettings | undefined {
  return ask === usualAsk ? undefined : { timeout: ask.timeoutMs ?? 0, signal: ask.signal };
}
