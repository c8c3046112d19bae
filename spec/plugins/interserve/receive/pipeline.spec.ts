import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { ReceiverPipeline, ValueSink } from '../../../../lib/plugins/interserve/receive/pipeline.ts';
import { transferError } from '../../../../lib/plugins/interserve/outcomes.ts';

const bytes = Buffer.from('interserve');
const sha256 = createHash('sha256').update(bytes).digest('hex');

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'fulfilled',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  );
}

function pipelineOf(size: number | undefined, limit = 100): { pipeline: ReceiverPipeline; delivered: unknown[] } {
  const delivered: unknown[] = [];
  return {
    pipeline: new ReceiverPipeline(new ValueSink('bytes', size, (value) => delivered.push(value)), size, limit),
    delivered,
  };
}

describe('interserve receiver pipeline', () => {
  it('the receiver - gets what has the announced hash, whenever that came', async () => {
    const { pipeline, delivered } = pipelineOf(bytes.length);
    await pipeline.take(bytes.subarray(0, 4));
    pipeline.expect({ sha256, bytes: bytes.length });
    await pipeline.take(bytes.subarray(4));
    expect(await pipeline.finish()).to.deep.equal({ bytes: bytes.length, sha256, resumed: 0 });
    expect(await pipeline.finish(), 'asked again').to.deep.equal({ bytes: bytes.length, sha256, resumed: 0 });
    expect(delivered).to.deep.equal([bytes]);
  });

  it('the receiver - gets nothing when hash or count differ', async () => {
    for (const digest of [
      { sha256: 'f'.repeat(64), bytes: bytes.length },
      { sha256, bytes: 3 },
    ]) {
      const { pipeline, delivered } = pipelineOf(undefined);
      await pipeline.take(bytes);
      pipeline.expect(digest);
      expect(await codeOf(pipeline.finish())).to.be.oneOf(['ERR_INTEGRITY', 'ERR_TOO_LARGE']);
      expect(delivered).to.deep.equal([]);
    }
  });

  it('sizes - above the announced one or the limit are refused, below it fail', async () => {
    expect(() => pipelineOf(3).pipeline.take(bytes))
      .to.throw()
      .with.property('code', 'ERR_TOO_LARGE');
    expect(() => pipelineOf(undefined, 3).pipeline.take(bytes))
      .to.throw()
      .with.property('code', 'ERR_TOO_LARGE');
    const { pipeline } = pipelineOf(11);
    await pipeline.take(bytes);
    expect(await codeOf(pipeline.finish())).to.equal('ERR_INTEGRITY');
  });

  it('a failure - ends the wait for the digest and refuses later bytes', async () => {
    const { pipeline } = pipelineOf(undefined);
    const finishing = pipeline.finish();
    await pipeline.fail(transferError('aborted'));
    expect(await codeOf(finishing)).to.equal('ERR_ABORTED');
    expect(() => pipeline.take(bytes))
      .to.throw()
      .with.property('code', 'ERR_ABORTED');
  });
});
