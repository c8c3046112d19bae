import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Client } from '../../../lib/index.ts';
import * as node from '../../../lib/plugins/channels/index.ts';
import * as page from '../../../lib/plugins/channels/page.ts';

describe('the channels of a page', () => {
  it('names - are those of Node', () => {
    expect(Object.keys(page).sort()).to.deep.equal(Object.keys(node).sort());
  });

  it('the joint protocol - is none of a page, and what else is a relay’s is refused by a client', () => {
    expect(() => page.channels({ joint: {} }))
      .to.throw()
      .with.property('code', 'ERR_PLUGIN');
    const client = new Client({ url: 'memory:nowhere' });
    expect(() => client.use(page.channels({ maxRooms: 1 })))
      .to.throw()
      .with.property('code', 'ERR_INVALID_OPTION');
    expect(client.use(page.channels())).to.be.instanceOf(node.Rooms);
  });
});
