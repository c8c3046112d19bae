import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { Challenge, Prover, type Question } from '../../lib/transport/proof.ts';
import { rejected } from '../support/buses.ts';

const own = process.getuid?.() ?? 0;
const name = (digit: number | string): string => `.busbar-${String(digit).padStart(32, '0')}`;

describe('proofs of users', function () {
  const prover = new Prover();
  let folder: string;
  let path: string;
  let made: string[];

  before(function () {
    if (process.platform === 'win32') this.skip();
  });

  beforeEach(() => {
    folder = realpathSync(mkdtempSync('/var/tmp/bb-'));
    path = join(folder, 's');
    made = [];
  });

  afterEach(() => {
    for (const file of made) rmSync(file, { recursive: true, force: true });
    rmSync(folder, { recursive: true, force: true });
  });

  const textOf = ({ nonce }: Question, server = path): string => `busbar credentials\n${nonce}\n${server}\n`;

  /** A file as a client makes one, but for what `text` and `mode` say. */
  function forge(challenge: Challenge, file: string, text = textOf(challenge.question), mode = 0o444): string {
    const place = join(challenge.question.folder, file);
    made.push(place);
    writeFileSync(place, text, { flag: 'wx' });
    chmodSync(place, mode);
    return place;
  }

  it('a file that was made for the question - is its maker, once, and goes when it was looked at', async () => {
    const challenge = new Challenge(path);
    const proof = prover.prove(challenge.question, path);
    expect(await challenge.check(proof.answer)).to.deep.equal({ uid: own, by: 'challenge' });
    expect((await rejected(challenge.check(proof.answer))).code).to.equal('ERR_UNAUTHORIZED');
    const file = 'file' in proof.answer ? join(challenge.question.folder, proof.answer.file) : '';
    expect(existsSync(file)).to.equal(true);
    proof.done();
    expect(existsSync(file)).to.equal(false);
  });

  it('names of the path - a client that comes by a link of its own means the same server', async () => {
    symlinkSync('.', join(folder, 'here'));
    symlinkSync(folder, join(folder, 'there'));
    for (const way of ['here/s', 'there/here/s', './/s', 'here/../' + folder.split('/').at(-1) + '/s']) {
      const challenge = new Challenge(path);
      const proof = prover.prove(challenge.question, `${folder}/${way}`);
      expect(await challenge.check(proof.answer), way).to.deep.equal({ uid: own, by: 'challenge' });
      proof.done();
    }
    symlinkSync('loop', join(folder, 'loop'));
    const { answer } = prover.prove(new Challenge(path).question, join(folder, 'loop/s'));
    expect(answer).to.have.property('refused');
  });

  it('questions of a hostile server - have a client make no file', () => {
    const { question } = new Challenge(path);
    const before = readdirSync(folder);
    for (const asked of [
      null,
      7,
      [],
      {},
      { ...question, folder },
      { ...question, folder: '/etc' },
      { ...question, folder: `${question.folder}/` },
      { ...question, folder: `${question.folder}/..` },
      { ...question, nonce: '' },
      { ...question, nonce: `${question.nonce}\n` },
      { ...question, nonce: 'x'.repeat(100_000) },
    ]) {
      expect(prover.prove(asked, path).answer, JSON.stringify(asked)?.slice(0, 100)).to.have.property('refused');
    }
    expect(readdirSync(folder)).to.deep.equal(before);
    expect(readdirSync(question.folder).filter((file) => file.startsWith('.busbar-'))).to.deep.equal([]);
  });

  const forgeries: Readonly<Record<string, (challenge: Challenge) => unknown>> = {
    'no answer': () => undefined,
    'a name that is none': () => ({ file: '../etc/passwd' }),
    'a name with more behind it': () => ({ file: `${name(1)}\n` }),
    'no file': () => ({ file: name(1) }),
    'another nonce': (challenge) => {
      forge(challenge, name(1), textOf(new Challenge(path).question));
      return { file: name(1) };
    },
    'another server': (challenge) => {
      forge(challenge, name(1), textOf(challenge.question, `${path.slice(0, -1)}t`));
      return { file: name(1) };
    },
    'more than was asked': (challenge) => {
      forge(challenge, name(1), `${textOf(challenge.question)}\n`);
      return { file: name(1) };
    },
    'a file that others may write in': (challenge) => {
      forge(challenge, name(1), undefined, 0o644);
      return { file: name(1) };
    },
    'a link to a file that is right': (challenge) => {
      forge(challenge, name(1));
      made.push(join(challenge.question.folder, name(2)));
      symlinkSync(name(1), join(challenge.question.folder, name(2)));
      return { file: name(2) };
    },
    'a second name of a file that is right': (challenge) => {
      forge(challenge, name(1));
      made.push(join(challenge.question.folder, name(2)));
      linkSync(join(challenge.question.folder, name(1)), join(challenge.question.folder, name(2)));
      return { file: name(2) };
    },
    'a folder': (challenge) => {
      made.push(join(challenge.question.folder, name(1)));
      mkdirSync(join(challenge.question.folder, name(1)), { mode: 0o444 });
      return { file: name(1) };
    },
    'a pipe that nobody writes to': (challenge) => {
      made.push(join(challenge.question.folder, name(1)));
      execFileSync('mkfifo', ['-m', '444', join(challenge.question.folder, name(1))]);
      return { file: name(1) };
    },
  };
  for (const [what, forgery] of Object.entries(forgeries)) {
    it(`${what} - proves nothing`, async () => {
      const challenge = new Challenge(path);
      const { code, message } = await rejected(challenge.check(forgery(challenge)));
      expect(code).to.equal('ERR_UNAUTHORIZED');
      expect(message).to.match(/^The client did not prove its user: /);
    });
  }

  it('10,000 forged answers, with the right file put there and taken away all the while - none is accepted', async () => {
    const bait = new Challenge(path);
    const right = forge(bait, name('a'));
    const kinds = [name('a'), name('b'), '/dev/zero', name('c')];
    let accepted = 0;
    let refused = 0;
    for (let round = 0; round < 100; round++) {
      const checks = Array.from({ length: 100 }, (_, at) => {
        const challenge = new Challenge(path);
        return challenge.check({ file: kinds[(round + at) % kinds.length] }).then(
          () => (accepted += 1),
          ({ code }: { code: string }) => (refused += code === 'ERR_UNAUTHORIZED' ? 1 : 0),
        );
      });
      unlinkSync(right);
      symlinkSync('/etc/passwd', right);
      await Promise.all(checks);
      unlinkSync(right);
      forge(bait, name('a'));
    }
    expect([accepted, refused]).to.deep.equal([0, 10_000]);
    expect(await bait.check({ file: name('a') })).to.deep.equal({ uid: own, by: 'challenge' });
    expect(readFileSync(right, 'utf8')).to.equal(textOf(bait.question));
  }).timeout(60_000);

  it('a check - takes some milliseconds', async () => {
    const times: number[] = [];
    for (let round = 0; round < 50; round++) {
      const challenge = new Challenge(path);
      const before = performance.now();
      const proof = prover.prove(challenge.question, path);
      await challenge.check(proof.answer);
      times.push(performance.now() - before);
      proof.done();
    }
    expect(times.sort((a, b) => a - b)[25]).to.be.below(50);
  });
});
