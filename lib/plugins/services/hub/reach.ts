import type { Withdrawal } from '../../../bus/plugin.ts';
import type { Call, Caller } from './call.ts';

/** How the hub calls a member, which may be the hub itself. */
export interface Reach {
  /** Settles as the method does; rejects `unbegun` where the member has not begun it. `epoch`: 0 without a key. */
  call(call: Call, epoch: number, attempt: Withdrawal): Promise<unknown>;
  notify(call: Call, epoch: number): void;
  /** Resolves when the key is open there. */
  open(service: string, key: string, epoch: number, state: unknown, withinMs: number): Promise<unknown>;
  /** Resolves with the state of the key when it is closed there. */
  close(service: string, key: string, epoch: number, withinMs: number): Promise<unknown>;
  /** The key is not its any more. */
  lost(service: string, key: string, epoch: number): void;
  /** Another member has its name. */
  replaced(): void;
  /** Calls of a service that are open there, as far as is known from other callers. */
  load(service: string): number;
  /** A caller has left. */
  callerGone(caller: Caller): void;
}
