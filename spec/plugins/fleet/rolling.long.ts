import { expect } from 'chai';
import { describe, it } from 'mocha';
import { roll } from './rolling.ts';

describe('rolling restarts under load', function () {
  this.timeout(600_000);

  it('ten of four processes under 10 messages a millisecond and 500 requests a second - failed 0, lost 0, slowest 150 ms', async () => {
    const { load, slowestMs, tookMs } = await roll(10, 4, 10, 500);
    const { messages, requests, times } = load;
    const at = (share: number): string => (times[Math.floor(share * (times.length - 1))] ?? 0).toFixed(1);
    console.log(
      `      ${messages} messages, ${requests} requests in ${Math.round(tookMs)} ms: median ${at(0.5)} ms, 99 % ${at(0.99)} ms, slowest ${at(1)} ms`,
    );
    expect(slowestMs).to.be.below(150);
  });
});
