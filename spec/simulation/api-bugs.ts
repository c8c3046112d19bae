import { Handling } from '../../lib/base/handling.ts';
import { Leftovers } from '../../lib/bus/client/leftovers.ts';
import { ClientConversation } from '../../lib/bus/client/client-conversation.ts';
import { Conversation } from '../../lib/bus/conversation.ts';
import { ServerConversation } from '../../lib/bus/server/server-conversation.ts';
import { PendingTable } from '../../lib/bus/requests/pending-table.ts';
import { ReadingSession } from '../../lib/session/reading-session.ts';
import { Sender } from '../../lib/session/sender.ts';
import { SendQueue } from '../../lib/session/send-queue.ts';
import { Session } from '../../lib/session/session.ts';
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
    const { finish } = ReadingSession.prototype;
    return change(ReadingSession.prototype, 'finish', {
      value(this: ReadingSession) {
        finish.call(this);
        return [];
      },
    });
  },
  'what waits is forgotten at the end': () => change(SendQueue.prototype, 'fail', { value: () => {} }),
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
    const received = Object.getOwnPropertyDescriptor(ReadingSession.prototype, 'received')?.get;
    return change(ReadingSession.prototype, 'received', {
      get(this: ReadingSession) {
        return Math.max(0, received?.call(this) - 1);
      },
    });
  },
  'what a lost session asked is never answered': () => change(PendingTable.prototype, 'reject', { value: () => {} }),
  'nothing waits for room': () => change(Sender.prototype, 'hasRoom', { value: () => true }),
  'links are told of only when they come': () => {
    const { linkSeen } = Conversation.prototype;
    return change(Conversation.prototype, 'linkSeen', {
      value(this: Conversation, up: boolean) {
        if (up || this instanceof ClientConversation) linkSeen.call(this, up);
      },
    });
  },
  'a pause lets all through': () => change(ReadingSession.prototype, 'pause', { value: () => {} }),
  'a pause never ends': () => change(ReadingSession.prototype, 'resume', { value: () => {} }),
  'who closes takes on what comes': () => change(ReadingSession.prototype, 'pauseToClose', { value: () => {} }),
  'a server that closes for the next one only closes': () =>
    change(ServerConversation.prototype, 'goAway', {
      value(this: ServerConversation, reason: unknown, withinMs: number) {
        return this.close(reason, true, withinMs);
      },
    }),
  'a flush waits for nothing': () => change(Session.prototype, 'whenFlushed', { value: (done: () => void) => done() }),
};
