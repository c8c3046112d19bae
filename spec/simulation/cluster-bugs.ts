import { OtherNodes } from '../../lib/plugins/cluster/membership/other-nodes.ts';
import { Subjects } from '../../lib/plugins/cluster/wire/subjects.ts';
import { Publisher } from '../../lib/plugins/cluster/broadcasts/publisher.ts';
import { ReplayBuffer } from '../../lib/session/replay-buffer.ts';
import { NodeBus } from '../../lib/plugins/cluster/sessions/node-bus.ts';
import { BroadcastFeed } from '../../lib/plugins/cluster/broadcasts/broadcast-feed.ts';

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

/** Bugs of kinds that nodes were built not to have; each is planted by its function, which returns what takes it away. */
export const bugs: Readonly<Record<string, () => () => void>> = {
  'nothing is sent again': () => change(Publisher.prototype, 'repair', () => () => {}),
  'all is let go of when one node has it': () =>
    change(
      Publisher.prototype,
      'got',
      (got) =>
        function (this: Publisher, node, incarnation, sequence) {
          got.call(this, node, incarnation, sequence);
          for (const other of ['a', 'b', 'c']) {
            for (let its = 1; its < 30; its++) got.call(this, other, its, sequence);
          }
        },
    ),
  'what comes in disorder is taken as it comes': () =>
    change(
      BroadcastFeed.prototype,
      'received',
      (received) =>
        function (this: BroadcastFeed, entries) {
          this.noted(0, entries[0]?.sequence ?? 0);
          received.call(this, entries);
        },
    ),
  'a node that lost one connection is dead': () => {
    let calls = 0;
    return change(Subjects.prototype, 'standby', () => () => `nowhere ${(calls += 1)}`);
  },
  'a node that is back stays dead': () =>
    change(
      OtherNodes.prototype,
      'heardFrom',
      (heardFrom) =>
        function (this: OtherNodes, other, now) {
          if (other.state === 'up') heardFrom.call(this, other, now);
        },
    ),
  'a node that was started again is not known': () =>
    change(
      OtherNodes.prototype,
      'add',
      (add) =>
        function (this: OtherNodes, other) {
          return this.get(other.id) === undefined && add.call(this, other);
        },
    ),
};

/** Likewise of sessions between nodes. */
export const sessionBugs: Readonly<Record<string, () => () => void>> = {
  'what a link lost is not sent again': () => change(ReplayBuffer.prototype, 'after', () => () => []),
  'a session outlives the node that it is with': () => change(NodeBus.prototype, 'lost', () => () => {}),
};
