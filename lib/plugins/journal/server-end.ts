import type { DurableReceiver, PeerHandle, PluginHost, ServerJournal } from '../../bus/plugin.ts';
import { Inbox } from './inbox.ts';
import type { ResolvedLogOptions } from './log/log-options.ts';

/** What comes to a server durably, in its folder. */
export class ServerEnd implements ServerJournal {
  readonly #inbox: Inbox;

  constructor(host: PluginHost, receiver: DurableReceiver, folder: string, options: ResolvedLogOptions) {
    const lane = host.lane({
      message: (data, peer) => this.#inbox.take(data, peer),
      request: (data, context) => this.#inbox.asked(data, context),
    });
    this.#inbox = new Inbox(host, lane, receiver, folder, options);
  }

  takeOver(): void {
    this.#inbox.takeOver();
  }

  has(peer: PeerHandle): boolean {
    return this.#inbox.has(peer);
  }

  listen(): void {
    this.#inbox.listen();
  }

  pause(): void {
    this.#inbox.pause();
  }

  resume(): void {
    this.#inbox.resume();
  }

  close(): Promise<void> {
    return this.#inbox.close();
  }
}
