import { expect } from 'chai';
import { describe, it } from 'mocha';
import { systemRandom } from '../../../lib/base/random.ts';
import { Endpoints } from '../../../lib/plugins/interserve/endpoints.ts';

describe('interserve endpoints', () => {
  it('paths - carry 128 random bits and read back as their tag', () => {
    const endpoints = new Endpoints(systemRandom);
    const { path, tag } = endpoints.mint('map');
    const [, token = ''] = /\/([\w-]+)\.[\w-]+$/.exec(path) ?? [];
    expect(Buffer.from(token, 'base64url')).to.have.length(16);
    expect(endpoints.read(path)).to.equal(tag);
    expect(endpoints.mint('map').path).to.not.equal(path);
  });

  it('paths - hide the id and differ from start to start', () => {
    const hashes = [1, 2].map(() => new Endpoints(systemRandom).mint('map').path.split('/')[2]);
    expect(hashes[0])
      .to.match(/^[0-9a-f]{32}$/)
      .and.not.equal(hashes[1]);
  });

  it('paths - with any character changed are not read', () => {
    const endpoints = new Endpoints(systemRandom);
    const { path } = endpoints.mint('map');
    for (let at = 0; at < path.length; at++) {
      // The last character of a token and of a tag carries bits that base64url leaves over.
      if (path[at + 1] === '.' || at === path.length - 1) continue;
      const other = path[at] === 'a' ? 'b' : 'a';
      expect(endpoints.read(path.slice(0, at) + other + path.slice(at + 1)), `at ${at}`).to.equal(undefined);
    }
  });

  it('paths - of another start, with dots, more or less are not read', () => {
    const endpoints = new Endpoints(systemRandom);
    const { path } = endpoints.mint('map');
    const hostile = ['', '/', '/interserve/', '/interserve/../../etc/passwd', `${path}/..`, `/x${path}`, `${path}\0`];
    for (const each of [...hostile, new Endpoints(systemRandom).mint('map').path]) {
      expect(endpoints.read(each), each).to.equal(undefined);
    }
  });
});
