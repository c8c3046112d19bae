import { BusError } from '../../../base/errors.ts';
import { type ChannelFrame, nobody, type PayloadKind, payloadKind } from '../channel-frame.ts';
import type { EntryMessage, ChannelPeer, RelayMessage } from '../lane-messages.ts';
import { ChannelError, Reason } from '../reason.ts';
import { type CallPort, callPort } from './call-port.ts';
import { ChannelEnd, type EndTransport, failed } from './channel-end.ts';

export interface OwnerEvents {
  userConnect: [user: number, peer: ChannelPeer];
  userDisconnect: [user: number, reason: Reason];
  data: [bytes: Uint8Array, user: number];
  chunk: [bytes: Uint8Array, user: number];
  /** `user` is undefined when it concerns the channel. `CLOSE` says that the relay, or the way to it, is gone. */
  error: [reason: Reason, user: number | undefined];
  /** A joint peer announced a remote object. */
  remote: [id: number, user: number];
}

export interface BroadcastOptions {
  /** The one user who does not get it. */
  readonly except?: number | undefined;
}

/**
 * The owner's end of a channel. What is sent arrives in order at each user, over any number of broken links. Send
 * promises resolve when the session accepted the bytes, which is the back-pressure signal, and may be left alone; they
 * reject with `ERR_CHANNEL` (the reason: `ID` for a user who is not there), `ERR_TOO_LARGE` or `ERR_INVALID_ARGUMENT`.
 */
export class OwnerEnd extends ChannelEnd<OwnerEvents> {
  readonly #users = new Map<number, ChannelPeer>();
  /** By user number: what tells this user from those who had the number before. */
  readonly #tokens = new Map<number, number>();

  /** Who is in the channel now. */
  get users(): ReadonlyMap<number, ChannelPeer> {
    return this.#users;
  }

  /** Raises `data` at the user's end. */
  send(user: number, bytes: Uint8Array): Promise<void> {
    return this.#toUser(payloadKind.data, user, bytes);
  }

  /** Raises one `chunk` at the user's end. */
  sendChunk(user: number, bytes: Uint8Array): Promise<void> {
    return this.#toUser(payloadKind.chunk, user, bytes);
  }

  broadcast(bytes: Uint8Array, options: BroadcastOptions = {}): Promise<void> {
    return this.post(payloadKind.data, this.#except(options), true, bytes);
  }

  broadcastChunk(bytes: Uint8Array, options: BroadcastOptions = {}): Promise<void> {
    return this.post(payloadKind.chunk, this.#except(options), true, bytes);
  }

  /** Puts the user out: its end hears `KICK` and `text`. One who is not there is no error. */
  kick(user: number, text?: string): void {
    const token = this.#tokens.get(user);
    if (token !== undefined) this.transport?.kick(token, text);
  }

  /** Kicks, and refuses that peer until `unblock`. */
  block(user: number, text?: string): void {
    const token = this.#tokens.get(user);
    if (token !== undefined) this.transport?.block(token, text);
  }

  /** Lets a blocked peer in again: the last one blocked under this user number, or the one with this peer id. */
  unblock(who: number | string): void {
    this.transport?.unblock(who);
  }

  /** Ends the channel; the users hear `CLOSE`. */
  close(): void {
    const { transport } = this;
    if (!this.finish(Reason.CLOSE)) return;
    transport?.leave();
    this.#goneAll(Reason.CLOSE);
  }

  /** @internal */
  override admitted([, , membership]: EntryMessage, transport: EndTransport): void {
    this.admit(membership, transport);
  }

  /** @internal */
  override told(message: RelayMessage): void {
    if (message[0] === 'userConnect') this.#userConnected(message[2], message[3]);
    else if (message[0] === 'userDisconnect') this.#userDisconnected(message[2], message[3]);
    else if (message[0] === 'closed') this.#revoked(message[2]);
    else if (message[0] === 'trouble' && this.closed === undefined) {
      this.raise('error', 64, message[2], message[3] ?? undefined);
    }
  }

  /** @internal */
  override lost(): void {
    this.#revoked(Reason.CLOSE);
  }

  /** @internal */
  override quit(): void {
    this.close();
  }

  get [callPort](): CallPort {
    return this.port({
      many: true,
      others: () => Array.from(this.#users, ([user, { joint }]) => ({ user, joint })),
      send: (user, body) => this.#toUser(payloadKind.call, user, body),
      sendChunk: (user, bytes) => this.sendChunk(user, bytes),
      announced: (user, remote) => this.raise('remote', 64, remote, user),
    });
  }

  protected override arrived(kind: PayloadKind, user: number, bytes: Uint8Array): void {
    this.raise(kind === payloadKind.chunk ? 'chunk' : 'data', bytes.length, bytes, user);
  }

  protected override malformed(user: number): void {
    this.suspicious(user);
    this.kick(user, 'malformed bytes');
  }

  protected override suspicious(user: number): void {
    this.raise('error', 64, Reason.MALICIOUS, user);
  }

  protected override knows({ user }: ChannelFrame): boolean {
    return this.#tokens.get(numberOf(user)) === user;
  }

  protected override sender({ user }: ChannelFrame): number {
    return numberOf(user);
  }

  #userConnected(token: number, peer: ChannelPeer): void {
    if (this.closed !== undefined) return;
    const user = numberOf(token);
    this.#users.set(user, peer);
    this.#tokens.set(user, token);
    this.resetStream(user);
    this.raise('userConnect', 64, user, peer);
    this.listener?.opened(user, peer.joint);
  }

  #userDisconnected(token: number, reason: Reason): void {
    const user = numberOf(token);
    if (this.#tokens.get(user) !== token) return;
    this.#users.delete(user);
    this.#tokens.delete(user);
    this.resetStream(user);
    this.raise('userDisconnect', 64, user, reason);
    this.listener?.gone(user, reason);
  }

  /** The relay ended the channel, or there is no relay any more. */
  #revoked(reason: Reason): void {
    if (!this.finish(reason)) return;
    this.raise('error', 64, reason, undefined);
    this.#goneAll(reason);
  }

  #toUser(kind: PayloadKind, user: number, bytes: Uint8Array): Promise<void> {
    const peer = this.#users.get(user);
    if (peer === undefined && this.closed === undefined) {
      return failed(new ChannelError(Reason.ID, `Channel "${this.id}" has no user ${user}`));
    }
    if (peer?.joint === true && kind === payloadKind.call) {
      return failed(new BusError('ERR_PEER_LACKS_FEATURE', 'Joint peers support only calls of a joint signature'));
    }
    return this.post(kind, this.#tokens.get(user) ?? nobody, false, bytes);
  }

  #except({ except }: BroadcastOptions): number {
    return (except === undefined ? undefined : this.#tokens.get(except)) ?? nobody;
  }

  #goneAll(reason: Reason): void {
    for (const user of this.#users.keys()) this.listener?.gone(user, reason);
    this.#users.clear();
    this.#tokens.clear();
  }
}

function numberOf(token: number): number {
  return token & 0xff;
}
