import { Handling } from '../../lib/base/handling.ts';
import { Leftovers } from '../../lib/bus/leftovers.ts';
import { Peer } from '../../lib/bus/peer.ts';
import { ServerConversation } from '../../lib/bus/server-conversation.ts';
import { PendingTable } from '../../lib/session/pending.ts';
import { Receiver } from '../../lib/session/receiver.ts';
import { Sender } from '../../lib/session/sender.ts';
import { Session } from '../../lib/session/session.ts';
import { WaitingSends } from '../../lib/session/waiting.ts';
import { NativeEncoder } from '../../lib/wire/native/encoder.ts';

/** Puts other members in the place of a class's own; returns what undoes that. */
function change(prototype: object, name: string, descriptor: PropertyDescriptor): () => void {
  const original = Object.getOwnPropertyDescriptor(prototype, name);
  if (original === undefined) throw new Error(`there is no ${name} any more`);
  Object.defineProperty(prototype, name, { ...descriptor, configurable: true });
  return () => void Object.defineProperty(prototype, name, original);
}

/** Bugs of kinds that the bus was built not to have; each is planted by its function, which returns what takes it away. */
export const bugs: Readonly<Record<string, () => () => void>> = {
  'replays do not say what was given up': () => change(NativeEncoder.prototype, 'amend', { value: () => {} }),
  'what a lost session had is forgotten': () => {
    const { unbind } = Peer.prototype;
    return change(Peer.prototype, 'unbind', {
      value(this: Peer, ...given: Parameters<typeof unbind>) {
        unbind.apply(this, given);
        return [];
      },
    });
  },
  'what waits is forgotten at the end': () => change(WaitingSends.prototype, 'fail', { value: () => {} }),
  'messages are confirmed before they are handled': () =>
    change(Handling.prototype, 'run', {
      value(this: Handling, task: () => unknown, report: (error: unknown) => void) {
        this.begin();
        Promise.resolve()
          .then(task)
          .catch((error: unknown) => report(error));
        this.done();
      },
    }),
  'a handler that fails confirms': () =>
    change(Handling.prototype, 'failed', {
      value(this: Handling) {
        this.done();
      },
    }),
  'what is sent again is turned around': () => {
    const { take } = Leftovers.prototype;
    return change(Leftovers.prototype, 'take', {
      value(this: Leftovers) {
        return take.call(this).reverse();
      },
    });
  },
  'a resumed link repeats a frame': () => {
    const received = Object.getOwnPropertyDescriptor(Session.prototype, 'received')?.get;
    return change(Session.prototype, 'received', {
      get(this: Session) {
        return Math.max(0, received?.call(this) - 1);
      },
    });
  },
  'what a lost session asked is never answered': () => change(PendingTable.prototype, 'reject', { value: () => {} }),
  'nothing waits for room': () => change(Sender.prototype, 'hasUserRoom', { get: () => true }),
  'links are told of only when they come': () => {
    const { linkSeen } = ServerConversation.prototype;
    return change(ServerConversation.prototype, 'linkSeen', {
      value(this: ServerConversation<never>, up: boolean) {
        if (up) linkSeen.call(this, up);
      },
    });
  },
  'a pause lets all through': () => change(Receiver.prototype, 'pause', { value: () => {} }),
  'a pause never ends': () => change(Session.prototype, 'resume', { value: () => {} }),
  'a flush waits for nothing': () => change(Session.prototype, 'whenFlushed', { value: (done: () => void) => done() }),
};
