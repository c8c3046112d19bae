import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './install.mjs';

/** By the name of each entry of the package: its module in lib/. */
export const entries = Object.fromEntries(
  [
    ['index', 'index'],
    ...readdirSync(join(root, 'lib/plugins'))
      .sort()
      .map((name) => [name, `plugins/${name}/index`]),
    ['joint', 'plugins/channels/joint/index'],
    ['browser', 'browser/index'],
    ['testing', 'testing/index'],
  ].filter(([, module]) => existsSync(join(root, 'lib', `${module}.ts`))),
);

/** Those that web pages may import, with the module that is theirs there; pages get a build of their own. */
export const pageEntries = {
  browser: 'browser/index',
  channels: 'plugins/channels/page',
  rpc: 'plugins/rpc/index',
};

/** The program behind the command `busbar`. */
export const program = 'cli/main';

/**
 * What is always so in pages, by module: expressions of its compiled code, and what they come to there. The build fails
 * where one of them is not found.
 */
export const facts = {
  'bus/client-dialer': { 'handshake === undefined || handshake === false': true },
  'bus/client-conversation': { "this.peer.session?.tier === 'legacy'": false },
  'bus/current-link': { "this.#last?.kind !== 'unix'": true },
  'bus/plugins': {
    "side === 'client' ? peer.send(name, data) : peer.sendEncoded(name, message)": 'peer.send(name, data)',
  },
  'bus/sends': { "session.tier === 'legacy'": false, "session.tier === 'session'": true },
  'bus/terms': {
    'options.trusted ?? link.trusted': false,
    'features.includes(recordsFeature)': false,
    'offer === undefined': false,
    'compression !== undefined': false,
    "kind === 'unix'": false,
  },
  'plugins/channels/client/offline-rooms': { 'denialSentence[denial]': 'undefined' },
  'plugins/channels/relay/relay': { 'skipped.size > 0': false, 'skipped.has(seat.token)': false },
  'session/flushes': { 'this.#mustLook': false },
  'session/link-port': {
    'this.link.cork?.()': 'undefined',
    'this.link.uncork?.()': 'undefined',
    'this.#recordReader === undefined': true,
    'this.#recordWriter === undefined': true,
  },
  'session/receiver': { 'this.#options.counts': true },
  'session/sender': {
    'options.keeps': true,
    'this.#options.keeps': true,
    'queue === undefined': false,
  },
  'session/session': {
    "this.tier === 'session'": true,
    "this.tier === 'legacy'": false,
    "session.tier === 'session'": true,
  },
  'transport/memory-pipe': {
    'this.#blackHole': false,
    'this.#bytes <= highWaterBytes': true,
    'this.#dropped': false,
    'this.#faults.blackHoleAtByte === 0': false,
    'this.#held': false,
    'this.#waiting': false,
    'this.#faults.sliceBytes === undefined': true,
    'this.#slice(bytes)': '[bytes]',
    'segment.bytes === undefined': false,
    'this.#deliver(segment.bytes, segment.due)':
      '(this.#queue.shift(), (this.#bytes -= segment.bytes.length), this.#events.data(segment.bytes))',
  },
};

/** By module: methods that nobody calls in pages, which the build leaves out; it fails where one is called. */
export const unused = {
  'browser/encoder': ['encoded'],
  'bus/current-link': ['whenHeard'],
  'bus/peer': ['sendEncoded'],
  'bus/plugins': ['http'],
  'bus/sends': ['encoded'],
  'plugins/channels/relay/relay': ['closeRooms', 'listed', 'removeMember'],
  'session/link-port': ['compress', 'own'],
  'session/sender': ['encoded'],
  'session/session': ['goAway'],
  'transport/memory-pipe': ['blackHole', 'discard', 'finishWriting'],
};

/** By module: objects of constants, whose values stand in pages where they are named. */
export const constants = {
  'plugins/channels/channel-frame': ['payloadKind'],
  'plugins/channels/reason': ['Reason'],
  'wire/native/extension': ['Extension'],
  'wire/native/header': ['Encoding', 'Flag', 'FrameType'],
  'wire/net-ipc/packet-type': ['packetType'],
};

/** What pages have in place of modules of lib/ and of packages: small instead of fast, or nothing where a page has no use for it. */
export const standIns = {
  'base/emitter': 'browser/emitter',
  'base/errors': 'browser/errors',
  'base/nearest': 'browser/nearest',
  'base/queue': 'browser/queue',
  'base/system-clock': 'browser/system-clock',
  'bus/request-table': 'browser/request-table',
  'session/id-ring': 'browser/id-ring',
  'session/waiting': 'browser/waiting',
  'wire/native/body-codec': 'browser/body-codec',
  'wire/native/decoder': 'browser/decoder',
  'wire/native/encoder': 'browser/encoder',
  'wire/opening/client-opening': 'browser/client-opening',
  'wire/slab': 'browser/slab',
  'node:crypto': 'browser/node-crypto',
  'node:stream': 'browser/node-stream',
  'p-retry': 'browser/retry',
};
