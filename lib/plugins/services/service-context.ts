import type { CallContext, CallRequest } from '../rpc/internal.ts';
import type { Member } from './member.ts';

/** What methods of services get behind the arguments that were sent. */
export interface ServiceContext<Peer = unknown> extends CallContext<Peer> {
  /** Who called, as it was then. */
  readonly caller: Member;
  /** Of the key in its owner's hands: greater with each opening. undefined of a service without keys. */
  readonly epoch: number | undefined;
}

/** The context of one call; the signal is made where somebody asks for it. */
export class ServedContext implements ServiceContext {
  readonly caller: Member;
  readonly epoch: number | undefined;
  readonly #request: CallRequest;

  constructor(request: CallRequest, caller: Member, epoch: number | undefined) {
    this.#request = request;
    this.caller = caller;
    this.epoch = epoch;
  }

  get peer(): unknown {
    return this.#request.peer;
  }

  get signal(): AbortSignal {
    return this.#request.signal;
  }

  get deadline(): number | undefined {
    return this.#request.deadline;
  }

  whenUnsent(hook: () => void): void {
    this.#request.whenUnsent(hook);
  }
}
