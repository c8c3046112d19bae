import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type BareBus, eachBareBus, content } from './support/bare-bus.ts';
import { BareClient } from './support/bare-client.ts';
import { curl, withKey } from './support/curl.ts';
import { reasonOf, type TransferBus } from './support/transfer-bus.ts';

describe('interserve requests, who may', () => {
  let rig: BareBus;
  let bus: TransferBus;
  let bare: BareClient;

  const start = eachBareBus((started) => {
    rig = started;
    ({ bus, bare } = rig);
  });

  it('no key or a wrong one - gets 401 and changes nothing', async () => {
    const { url, key, offer, handle } = await rig.offered();
    for (const args of [[], withKey('x'.repeat(22)), ['-H', 'Authorization: Basic eDp5'], withKey('')]) {
      const { status, headers } = await curl(url, args);
      expect([status, headers['interserve-reason'], headers['www-authenticate']]).to.deep.equal([
        401,
        'unauthorized',
        'Bearer',
      ]);
    }
    expect((await curl(url, key)).status).to.equal(200);
    rig.taken(offer);
    await handle.receipt;
  });

  it("another peer's key - gets 403 on every method and changes nothing", async () => {
    const { url, offer, handle, key } = await rig.offered();
    const other = new BareClient(bus);
    const otherPeer = await bus.join(other.client);
    bus.transfers.send('map', 'x', otherPeer);
    const foreign = withKey((await other.offer()).place.key);
    for (const args of [[], ['-I'], ['-T', '-'], ['-X', 'POST', '-d', 'x']]) {
      const { status, headers } = await curl(url, [...args, ...foreign]);
      expect([status, headers['interserve-reason']]).to.deep.equal([403, 'foreign']);
    }
    expect((await curl(url, key)).body.equals(content)).to.equal(true);
    rig.taken(offer);
    await handle.receipt;
  });

  it('another address - gets 401, unless it is not to be bound', async () => {
    const { url, key } = await rig.offered();
    expect((await curl(url, ['--interface', '127.0.0.2', ...key])).status).to.equal(401);
    await bus.close();
    await start({ bindAddress: false });
    const again = await rig.offered();
    expect((await curl(again.url, ['--interface', '127.0.0.2', ...again.key])).status).to.equal(200);
  });

  it('X-Forwarded-For - is believed of trusted proxies alone', async () => {
    const forged = ['-H', 'X-Forwarded-For: 127.0.0.1'];
    const fromElsewhere = ['--interface', '127.0.0.3', ...forged];
    const { url, key } = await rig.offered();
    expect((await curl(url, [...fromElsewhere, ...key])).status).to.equal(401);
    await bus.close();
    await start({ trusted: ['127.0.0.3/32'] });
    const again = await rig.offered();
    expect((await curl(again.url, [...fromElsewhere, ...again.key])).status).to.equal(200);
    const chain = ['--interface', '127.0.0.3', '-H', 'X-Forwarded-For: 127.0.0.1, 10.0.0.9'];
    expect((await curl(again.url, [...chain, ...again.key])).status, 'the nearest untrusted one counts').to.equal(401);
  });

  it('a used endpoint - is gone, and one that never was is unknown', async () => {
    const { url, key, offer, handle } = await rig.offered();
    await curl(url, key);
    rig.taken(offer);
    await handle.receipt;
    const used = await curl(url, key);
    expect([used.status, used.headers['interserve-reason']]).to.deep.equal([410, 'gone']);
    for (const path of ['/', '/interserve/', '/interserve/../../../etc/passwd', '/interserve/%2e%2e/x', '/x']) {
      const { status } = await curl(`http://127.0.0.1:${bus.port}${path}`, ['--path-as-is', ...key]);
      expect(status, path).to.equal(404);
    }
    expect((await curl(`${url.slice(0, -5)}AAAAA`, key)).status).to.equal(404);
  });

  it('methods - that do not fit the endpoint get 405', async () => {
    const { url, key } = await rig.offered();
    for (const method of ['DELETE', 'PATCH', 'OPTIONS', 'PUT', 'POST']) {
      const { status } = await curl(url, ['-X', method, ...key]);
      expect(status, method).to.equal(405);
    }
    bus.transfers.receive('map', () => {});
    const upload = await rig.granted(1);
    expect((await curl(upload.url, upload.key)).status).to.equal(405);
  });

  it('a receipt with another hash - is no receipt', async () => {
    const { url, key, offer, handle } = await rig.offered();
    await curl(url, key);
    bare.answer(offer.transfer, { ok: true, receipt: { bytes: 1, sha256: 'f'.repeat(64), resumed: 0 } });
    expect(await reasonOf(handle.receipt)).to.equal('mismatch');
  });
});
