import type { Scenario } from '../scenarios/scenario.ts';
import { receiver, sender } from './parts.ts';

const gibibyte = 1_073_741_824;
const hashed = 'curl and SHA-256';

export const interserveFile: Scenario = {
  name: 'interserve-file',
  group: 'interserve',
  title:
    'A file of 1 GiB to one peer, beside curl that fetches it from a bare HTTP server, without a hash and with one (`curl | tee | openssl`).',
  metrics: [
    { name: 'megabytes', unit: 'MB/s', better: 'higher' },
    { name: 'sender', unit: 'MiB of extra memory, sender', better: 'lower' },
    { name: 'receiver', unit: 'MiB, receiver', better: 'lower' },
  ],
  variants: [
    { name: 'to a file', clients: 1, params: { as: 'file' }, quick: true },
    { name: 'to nowhere', clients: 1, params: { as: 'stream' } },
  ],
  program: 'curl',
  parts: { sender, receiver },
  peers: ({ params }) => ['busbar', 'curl', ...(params['as'] === 'file' ? [hashed] : [])],
  async measure({ start, pace }, { params }, peer) {
    const bytes = pace.quick ? 16_777_216 : gibibyte;
    const as = String(params['as']);
    const far = await start('sender');
    const { bus = 0, http = 0 } = await far.call('open', { bytes, rate: 0 });
    const near = await start('receiver');
    await near.call('open', { bus, as });
    const before = [await far.call('memory', { reset: true }), await near.call('memory', { reset: true })] as const;
    const { ms = 0 } =
      peer === 'busbar'
        ? await far.call('file')
        : await near.call('curl', { http, as: peer === hashed ? 'hashed' : as, rate: 0 });
    const after = [await far.call('memory'), await near.call('memory')] as const;
    const extra = (end: 0 | 1): number =>
      (Number(after[end]['peakBytes']) - Number(before[end]['rssBytes'])) / 1_048_576;
    const megabytes = bytes / 1_000 / ms;
    // What curl itself takes is not seen from here.
    return peer === 'busbar' ? { megabytes, sender: extra(0), receiver: extra(1) } : { megabytes, sender: extra(0) };
  },
};
