import type { AskOptions } from '../../bus/ask-options.ts';
import type { BusError } from '../../base/errors.ts';
import type { CallBody, RpcFrame } from './frame.ts';

/** The way to one other side. */
export interface CallLine {
  /** Resolves the answer's body as it came; rejects when there is none. May throw what the encoder throws. */
  ask(call: CallBody, ask: AskOptions): Promise<unknown>;
  /** May throw what the encoder throws. */
  send(frame: RpcFrame): Promise<void>;
  /** The other side is gone: what was asked is rejected. */
  close(error: BusError): void;
}
