import { BusError } from '../../../base/errors.ts';
import { type PayloadKind, payloadKind } from '../channel-frame.ts';
import type { EntryMessage, ChannelPeer, RelayMessage } from '../lane-messages.ts';
import { Reason } from '../reason.ts';
import { type CallPort, callPort } from './call-port.ts';
import { ChannelEnd, type EndTransport, failed } from './channel-end.ts';

export interface UserEvents {
  data: [bytes: Uint8Array];
  chunk: [bytes: Uint8Array];
  /** The channel has ended for this user and it was not its own wish; `text` is the owner's with `KICK`. */
  disconnect: [reason: Reason, text: string | undefined];
  /** `CLOSE` says that the way to the relay is gone; `disconnect` follows. */
  error: [reason: Reason];
  /** The owner, a joint peer, announced a remote object. */
  remote: [id: number];
}

/**
 * A user's end of a channel. What is sent arrives in order at the owner, over any number of broken links. Send promises
 * resolve when the session accepted the bytes, which is the back-pressure signal, and may be left alone; they reject
 * `ERR_CHANNEL`, `ERR_TOO_LARGE` or `ERR_INVALID_ARGUMENT`.
 */
export class UserEnd extends ChannelEnd<UserEvents> {
  #token = -1;
  #owner: ChannelPeer | undefined;

  /** The number under which the owner knows this end. */
  get user(): number {
    return this.#token < 0 ? -1 : this.#token & 0xff;
  }

  get owner(): ChannelPeer | undefined {
    return this.#owner;
  }

  /** Raises `data` at the owner's end. */
  send(bytes: Uint8Array): Promise<void> {
    return this.post(payloadKind.data, this.#token, false, bytes);
  }

  /** Raises one `chunk` at the owner's end. */
  sendChunk(bytes: Uint8Array): Promise<void> {
    return this.post(payloadKind.chunk, this.#token, false, bytes);
  }

  /** Goes; the owner hears `CLOSE`. */
  leave(): void {
    const { transport } = this;
    if (!this.finish(Reason.CLOSE)) return;
    transport?.leave();
    this.listener?.gone(0, Reason.CLOSE);
  }

  /** @internal */
  override admitted(message: EntryMessage, transport: EndTransport): void {
    const [kind, , membership, token, owner] = message;
    if (kind !== 'entered') return;
    this.#token = token;
    this.#owner = owner;
    this.admit(membership, transport);
  }

  /** @internal */
  override told(message: RelayMessage): void {
    if (message[0] === 'gone') this.#dismissed(message[2], message[3] ?? undefined);
    else if (message[0] === 'trouble' && this.closed === undefined) this.raise('error', 64, message[2]);
  }

  /** @internal */
  override lost(): void {
    if (this.closed !== undefined) return;
    this.raise('error', 64, Reason.CLOSE);
    this.#dismissed(Reason.DISCONNECT, undefined);
  }

  /** @internal */
  override quit(): void {
    this.leave();
  }

  get [callPort](): CallPort {
    return this.port({
      many: false,
      others: () => (this.closed === undefined ? [{ user: 0, joint: this.#owner?.joint === true }] : []),
      send: (_user, body) => this.#call(body),
      sendChunk: (_user, bytes) => this.sendChunk(bytes),
      announced: (_user, remote) => this.raise('remote', 64, remote),
    });
  }

  protected override arrived(kind: PayloadKind, _user: number, bytes: Uint8Array): void {
    if (kind === payloadKind.chunk) this.raise('chunk', bytes.length, bytes);
    else this.raise('data', bytes.length, bytes);
  }

  protected override malformed(): void {
    this.suspicious();
    this.transport?.leave();
    this.#dismissed(Reason.MALICIOUS, undefined);
  }

  protected override suspicious(): void {
    this.raise('error', 64, Reason.MALICIOUS);
  }

  protected override knows(): boolean {
    return true;
  }

  protected override sender(): number {
    return 0;
  }

  /** The relay, or the owner through it, ended this user's time in the channel. */
  #dismissed(reason: Reason, text: string | undefined): void {
    if (!this.finish(reason)) return;
    this.raise('disconnect', 64, reason, text);
    this.listener?.gone(0, reason);
  }

  #call(body: Uint8Array): Promise<void> {
    if (this.#owner?.joint !== true) return this.post(payloadKind.call, this.#token, false, body);
    return failed(new BusError('ERR_PEER_LACKS_FEATURE', 'Joint peers support only calls of a joint signature'));
  }
}
