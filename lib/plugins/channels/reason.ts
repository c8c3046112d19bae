import { BusError } from '../../base/errors.ts';

/** Why somebody left a channel, or was not let in. */
export const Reason = {
  /** The session of the other was lost; from a refused call: there is no relay. */
  DISCONNECT: 0,
  /** Somebody left or closed on purpose. */
  CLOSE: 1,
  /** The owner or the relay put the user out. */
  KICK: 2,
  /** No such channel, or on create: there is one already. */
  ID: 10,
  /** The channel holds all the users it may, or more waits to go out than may wait. */
  FULL: 11,
  /** The peer owns or visits as many channels as it may. */
  MAX: 12,
  /** Data that no correct peer sends. */
  MALICIOUS: 20,
} as const;

export type Reason = (typeof Reason)[keyof typeof Reason];

const sentences: Record<Reason, string> = {
  [Reason.DISCONNECT]: 'The link was lost',
  [Reason.CLOSE]: 'The channel was closed',
  [Reason.KICK]: 'The user was removed from the channel',
  [Reason.ID]: 'There is no such channel, or its id is in use',
  [Reason.FULL]: 'The channel is full',
  [Reason.MAX]: 'The peer has its maximum of channels',
  [Reason.MALICIOUS]: 'The data is not valid',
};

export function isReason(value: unknown): value is Reason {
  return typeof value === 'number' && Object.hasOwn(sentences, value);
}

/** A channel call that was refused, or one on a channel that is gone; `code` is `ERR_CHANNEL`. */
export class ChannelError extends BusError {
  readonly reason: Reason;

  constructor(reason: Reason, message?: string) {
    super('ERR_CHANNEL', message ?? `${sentences[reason]}.`);
    this.reason = reason;
  }
}
