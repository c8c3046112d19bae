import { expect } from 'chai';
import { describe, it } from 'mocha';
import { systemRandom } from '../../../../lib/base/random.ts';
import { EndpointPaths } from '../../../../lib/plugins/interserve/transfers/transfer-table.ts';

describe('interserve endpoint paths', () => {
  it('paths - carry 128 random bits and read back as their tag', () => {
    const paths = new EndpointPaths(systemRandom);
    const { path, tag } = paths.mint('map');
    const [, token = ''] = /\/([\w-]+)\.[\w-]+$/.exec(path) ?? [];
    expect(Buffer.from(token, 'base64url')).to.have.length(16);
    expect(paths.read(path)).to.equal(tag);
    expect(paths.mint('map').path).to.not.equal(path);
  });

  it('paths - hide the id and differ from start to start', () => {
    const hashes = [1, 2].map(() => new EndpointPaths(systemRandom).mint('map').path.split('/')[2]);
    expect(hashes[0])
      .to.match(/^[0-9a-f]{32}$/)
      .and.not.equal(hashes[1]);
  });

  it('paths - with any character changed are not read', () => {
    const paths = new EndpointPaths(systemRandom);
    const { path } = paths.mint('map');
    for (let at = 0; at < path.length; at++) {
      // The last character of a token and of a tag carries bits that base64url leaves over.
      if (path[at + 1] === '.' || at === path.length - 1) continue;
      const other = path[at] === 'a' ? 'b' : 'a';
      expect(paths.read(path.slice(0, at) + other + path.slice(at + 1)), `at ${at}`).to.equal(undefined);
    }
  });

  it('paths - of another start, with dots, more or less are not read', () => {
    const paths = new EndpointPaths(systemRandom);
    const { path } = paths.mint('map');
    const hostile = ['', '/', '/interserve/', '/interserve/../../etc/passwd', `${path}/..`, `/x${path}`, `${path}\0`];
    for (const each of [...hostile, new EndpointPaths(systemRandom).mint('map').path]) {
      expect(paths.read(each), each).to.equal(undefined);
    }
  });
});
