import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Intake } from '../../../lib/plugins/interserve/intake.ts';
import { transferError } from '../../../lib/plugins/interserve/outcomes.ts';
import { ValueSink } from '../../../lib/plugins/interserve/sink/value-sink.ts';

const bytes = Buffer.from('interserve');
const sha256 = createHash('sha256').update(bytes).digest('hex');

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'fulfilled',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  );
}

function intakeOf(size: number | undefined, limit = 100): { intake: Intake; delivered: unknown[] } {
  const delivered: unknown[] = [];
  return { intake: new Intake(new ValueSink('bytes', size, (value) => delivered.push(value)), size, limit), delivered };
}

describe('interserve intake', () => {
  it('the receiver - gets what has the announced hash, whenever that came', async () => {
    const { intake, delivered } = intakeOf(bytes.length);
    await intake.take(bytes.subarray(0, 4));
    intake.expect({ sha256, bytes: bytes.length });
    await intake.take(bytes.subarray(4));
    expect(await intake.finish()).to.deep.equal({ bytes: bytes.length, sha256, resumed: 0 });
    expect(await intake.finish(), 'asked again').to.deep.equal({ bytes: bytes.length, sha256, resumed: 0 });
    expect(delivered).to.deep.equal([bytes]);
  });

  it('the receiver - gets nothing when hash or count differ', async () => {
    for (const digest of [
      { sha256: 'f'.repeat(64), bytes: bytes.length },
      { sha256, bytes: 3 },
    ]) {
      const { intake, delivered } = intakeOf(undefined);
      await intake.take(bytes);
      intake.expect(digest);
      expect(await codeOf(intake.finish())).to.be.oneOf(['ERR_INTEGRITY', 'ERR_TOO_LARGE']);
      expect(delivered).to.deep.equal([]);
    }
  });

  it('sizes - above the announced one or the limit are refused, below it fail', async () => {
    expect(() => intakeOf(3).intake.take(bytes))
      .to.throw()
      .with.property('code', 'ERR_TOO_LARGE');
    expect(() => intakeOf(undefined, 3).intake.take(bytes))
      .to.throw()
      .with.property('code', 'ERR_TOO_LARGE');
    const { intake } = intakeOf(11);
    await intake.take(bytes);
    expect(await codeOf(intake.finish())).to.equal('ERR_INTEGRITY');
  });

  it('a failure - ends the wait for the digest and refuses later bytes', async () => {
    const { intake } = intakeOf(undefined);
    const finishing = intake.finish();
    await intake.fail(transferError('aborted'));
    expect(await codeOf(finishing)).to.equal('ERR_ABORTED');
    expect(() => intake.take(bytes))
      .to.throw()
      .with.property('code', 'ERR_ABORTED');
  });
});
