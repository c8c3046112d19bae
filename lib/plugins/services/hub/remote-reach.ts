import type { AskOptions, Withdrawal } from '../../../bus/plugin.ts';
import type { RpcSession } from '../../rpc/internal.ts';
import type { Member } from '../member.ts';
import { object } from '../protocol.ts';
import type { Call, Caller } from './call.ts';
import type { Reach } from './reach.ts';

/** A member at the peer of a session. */
export class RemoteReach implements Reach {
  readonly #session: RpcSession;
  /** The callers it knows, by id, as it knows them. */
  readonly #told = new Map<string, Member>();

  constructor(session: RpcSession) {
    this.#session = session;
  }

  call(call: Call, epoch: number, withdrawal: Withdrawal): Promise<unknown> {
    const { deadline } = call.request;
    const timeoutMs = deadline === undefined ? undefined : Math.max(1, deadline);
    const ask: AskOptions = { timeoutMs, signal: undefined, idempotent: false, withdrawal };
    return this.#session.call(object.call, call.method, this.#head(call, epoch), ask);
  }

  notify(call: Call, epoch: number): void {
    this.#session.notify(object.call, call.method, this.#head(call, epoch)).catch(ignore);
    // One that waited at the hub continues without its caller.
    if (call.caller.isGone) this.callerGone(call.caller);
  }

  open(service: string, key: string, epoch: number, state: unknown, withinMs: number): Promise<unknown> {
    return this.#session.call(object.control, 'open', [service, key, epoch, state], within(withinMs));
  }

  close(service: string, key: string, epoch: number, withinMs: number): Promise<unknown> {
    return this.#session.call(object.control, 'close', [service, key, epoch], within(withinMs));
  }

  lost(service: string, key: string, epoch: number): void {
    this.#tell('lost', service, key, epoch);
  }

  load(): number {
    return 0;
  }

  replaced(): void {
    this.#tell('replaced');
  }

  callerGone({ entry }: Caller): void {
    if (this.#told.delete(entry.id)) this.#tell('callerGone', entry.id);
  }

  /** Has it know the caller as it is now. */
  introduce(caller: Member): void {
    if (this.#told.get(caller.id) === caller) return;
    this.#told.set(caller.id, caller);
    this.#tell('caller', caller);
  }

  #head({ service, caller, key, args }: Call, epoch: number): unknown[] {
    this.introduce(caller.entry);
    return [service, caller.entry.id, key ?? null, epoch, ...args];
  }

  /** If it is gone, it has no use for what it is told. */
  #tell(word: string, ...args: readonly unknown[]): void {
    this.#session.notify(object.control, word, args).catch(ignore);
  }
}

function within(timeoutMs: number): AskOptions {
  return { timeoutMs, signal: undefined, idempotent: false };
}

function ignore(): void {}
