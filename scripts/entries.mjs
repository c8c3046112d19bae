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
    ['browser', 'browser/index'],
    ['testing', 'testing/index'],
  ].filter(([, module]) => existsSync(join(root, 'lib', `${module}.ts`))),
);

/** Those that web pages may import; pages get a build of their own. */
export const pageEntries = ['browser', 'channels', 'rpc'];

/** The program behind the command `busbar`. */
export const program = 'cli/main';

/** What pages have in place of modules of lib/ and of packages: small instead of fast, or nothing where a page has no use for it. */
export const standIns = {
  'base/errors': 'browser/errors',
  'base/nearest': 'browser/nearest',
  'bus/emitter': 'browser/emitter',
  'bus/request-table': 'browser/request-table',
  'plugins/channels/channel-relay': 'browser/channel-relay',
  'plugins/rpc/joint/struct-codec': 'browser/struct-codec',
  'session/id-ring': 'browser/id-ring',
  'wire/codec/json': 'browser/json',
  'wire/codec/json-depth': 'browser/json-depth',
  'wire/native/body-codec': 'browser/body-codec',
  'wire/native/broadcast-frame': 'browser/broadcast-frame',
  'wire/native/record-layer': 'browser/record-layer',
  'wire/opening/upgrade': 'browser/upgrade',
  'node:crypto': 'browser/node-crypto',
  'node:stream': 'browser/node-stream',
  'p-retry': 'browser/retry',
};
