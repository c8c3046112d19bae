import { BegunCalls } from '../../lib/plugins/services/hub/begun-calls.ts';
import { Call } from '../../lib/plugins/services/hub/call.ts';
import { HeldKey } from '../../lib/plugins/services/client/held-key.ts';
import { HeldKeys } from '../../lib/plugins/services/client/held-keys.ts';
import { KeySpace } from '../../lib/plugins/services/hub/key-space.ts';
import { MemberLink } from '../../lib/plugins/services/client/member-link.ts';
import { Pool } from '../../lib/plugins/services/hub/pool.ts';
import { Presence } from '../../lib/plugins/services/hub/presence.ts';
import { RemoteReach } from '../../lib/plugins/services/hub/remote-reach.ts';
import { WaitingCalls } from '../../lib/plugins/services/hub/waiting-calls.ts';

/** Puts another method in the place of a class's own; returns what undoes that. */
function change<Class extends object, Name extends keyof Class & string>(
  prototype: Class,
  name: Name,
  make: (original: Class[Name]) => Class[Name],
): () => void {
  const original = Object.getOwnPropertyDescriptor(prototype, name);
  if (original === undefined) throw new Error(`there is no ${name} any more`);
  Object.defineProperty(prototype, name, { value: make(original.value as Class[Name]), configurable: true });
  return () => void Object.defineProperty(prototype, name, original);
}

/** Bugs of kinds that services were built not to have; each is planted by its function, which returns what takes it away. */
export const bugs: Readonly<Record<string, () => () => void>> = {
  'the state of a key is left behind': () =>
    change(
      HeldKeys.prototype,
      'close',
      (close) =>
        async function (this: HeldKeys, ...given) {
          await close.apply(this, given);
          return undefined;
        },
    ),
  'a key is closed while it is called': () => {
    // Hub and owner both see to it.
    const back = [
      change(HeldKey.prototype, 'whenIdle', () => () => Promise.resolve()),
      change(BegunCalls.prototype, 'whenDone', () => () => Promise.resolve()),
    ];
    return () => back.forEach((takeBack) => takeBack());
  },
  'every second one that waits goes first': () =>
    change(
      WaitingCalls.prototype,
      'add',
      (add) =>
        function (this: WaitingCalls, call) {
          add.call(this, call, this.size % 2 === 1);
        },
    ),
  'the keys of a dead owner stay with it': () => change(KeySpace.prototype, 'remove', () => () => undefined),
  'all calls may be begun twice': () =>
    change(
      MemberLink.prototype,
      'call',
      (call) =>
        function (this: MemberLink, service, key, name, args, ask) {
          return call.call(this, service, key, name, args, { ...ask, idempotent: true });
        },
    ),
  'epochs stand still': () =>
    change(
      RemoteReach.prototype,
      'open',
      (open) =>
        function (this: RemoteReach, service, key, epoch, ...rest) {
          return open.call(this, service, key, epoch % 2, ...rest);
        },
    ),
  'there is no limit to what a member answers at once': () =>
    change(
      Pool.prototype,
      'add',
      (add) =>
        function (this: Pool, participant) {
          add.call(this, participant, 100);
        },
    ),
  'members that are gone are still here': () =>
    change(
      Presence.prototype,
      'remove',
      () =>
        function (participant) {
          participant.leave();
        },
    ),
  'what no member can answer is forgotten': () =>
    change(
      Call.prototype,
      'reject',
      () =>
        function (this: Call) {
          this.isOver = true;
        },
    ),
};
