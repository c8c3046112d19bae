import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { BusError } from '../../lib/base/errors.ts';
import { LinkPort } from '../../lib/session/link-port.ts';
import { openLink, RefusedError } from '../../lib/session/open-link.ts';
import { VirtualClock } from '../../lib/testing/virtual-clock.ts';
import { MemoryLink } from '../../lib/transport/memory-link.ts';
import { ClientHandshake } from '../../lib/wire/handshake/client-handshake.ts';
import type { ClientHello, ServerHello } from '../../lib/wire/handshake/hello.ts';
import { acceptHello, refusal } from '../../lib/wire/handshake/refusal.ts';
import { upgradeAnswer } from '../../lib/wire/handshake/upgrade.ts';
import { Witness } from '../support/links.ts';

const hello: ClientHello = { compress: false, messagepack: true, extras: { who: 'me' }, id: null };
const answer: ServerHello = { id: 'server-made', compress: false, messagepack: true };

describe('opening a link', () => {
  let clock: VirtualClock;
  let port: LinkPort;
  let server: Witness;
  let controller: AbortController;
  let closed: number;

  beforeEach(() => {
    clock = new VirtualClock();
    closed = 0;
    const pipe = { clock, netLag: 0, netSpeed: Number.POSITIVE_INFINITY };
    const [client, other] = MemoryLink.pair('opening', pipe, pipe, () => void (closed += 1));
    port = new LinkPort(client, clock);
    server = new Witness(other);
    controller = new AbortController();
  });

  afterEach(() => {
    port.destroy();
    server.link.destroy();
    clock.advance(0);
    expect([closed, clock.pending]).to.deep.equal([1, 0]);
  });

  function open(greeting: ClientHello = hello, http?: { host: string; path: string }): Promise<unknown> {
    const opening = new ClientHandshake({ hello: greeting, ...(http === undefined ? {} : { http }) });
    const opened = openLink(port, opening, controller.signal).catch((error: unknown) => error);
    clock.advance(0);
    return opened;
  }

  function say(bytes: Uint8Array): void {
    server.link.write(bytes);
    clock.advance(0);
  }

  /** What is read from the port from now on. */
  function reading(): string[] {
    const read: string[] = [];
    port.read({
      read: (bytes) => void read.push(Buffer.from(bytes).toString()),
      drained() {},
      closed: () => void read.push('closed'),
      failed: ({ code }) => void read.push(code),
    });
    return read;
  }

  it('the hello - is the first that the server gets, and its answer is what the promise resolves', async () => {
    const opened = open();
    expect(server.text.slice(0, 3)).to.equal('IPC');
    expect(server.text).to.include('"extras":{"who":"me"}');
    say(acceptHello(answer));
    expect(await opened).to.deep.include(answer);
    expect(port.closed).to.equal(false);
  });

  it('what follows the answer - waits for the next reader, in order and once, wherever the bytes were split', async () => {
    const bytes = Buffer.concat([acceptHello(answer), Buffer.from('first')]);
    const opened = open();
    for (const byte of bytes.subarray(0, bytes.length - 2)) say(Uint8Array.of(byte));
    say(bytes.subarray(bytes.length - 2));
    say(Buffer.from('second'));
    expect(await opened).to.deep.include(answer);
    const read = reading();
    expect(read.join('|').replaceAll('|', '')).to.equal('firstsecond');
    say(Buffer.from('third'));
    expect(read.join('')).to.equal('firstsecondthird');
  });

  it('an upgrade - is asked for first, and the hello follows the server’s consent', async () => {
    const opened = open(hello, { host: 'example.org', path: '/bus' });
    expect(server.text).to.match(/^GET \/bus HTTP\/1\.1\r\n/);
    expect(server.text).to.not.include('extras');
    server.chunks.length = 0;
    say(upgradeAnswer());
    expect(server.text).to.include('"extras":{"who":"me"}');
    say(acceptHello(answer));
    expect(await opened).to.deep.include(answer);
  });

  for (const again of [true, false]) {
    it(`a refusal, ${again ? 'for now' : 'for good'} - rejects with its code and reason, and the link is closed`, async () => {
      const opened = open();
      say(refusal('ERR_SERVER_FULL', 'no room', again, hello));
      const error = await opened;
      expect(error).to.be.instanceOf(RefusedError);
      expect(error).to.include({
        code: 'ERR_SERVER_FULL',
        reason: 'no room',
        message: 'no room',
        allowReconnect: again,
      });
      expect([port.closed, server.closes]).to.deep.equal([true, 1]);
    });
  }

  it('bytes that are no answer - reject ERR_PROTOCOL, and the link is closed', async () => {
    const opened = open();
    say(Buffer.from('HTTP/1.1 200 OK\r\n\r\n'));
    expect(await opened)
      .to.be.instanceOf(BusError)
      .with.property('code', 'ERR_PROTOCOL');
    expect(port.closed).to.equal(true);
  });

  it('a link that closes first - rejects ERR_CONNECT, with the system’s error as its cause', async () => {
    const opened = open();
    (server.link as MemoryLink).cut();
    clock.advance(0);
    const error = (await opened) as BusError;
    expect(error.code).to.equal('ERR_CONNECT');
    expect(error.cause).to.include({ code: 'ECONNRESET' });
  });

  it('a signal - ends the wait with its reason and closes the link; what the server says then is nobody’s', async () => {
    const opened = open();
    const reason = new BusError('ERR_TIMEOUT');
    controller.abort(reason);
    say(acceptHello(answer));
    expect(await opened).to.equal(reason);
    expect([port.closed, reading()]).to.deep.equal([true, ['closed']]);
  });

  it('a signal that fired before - has nothing said', async () => {
    controller.abort('too late');
    expect(await open()).to.equal('too late');
    expect([server.size, port.closed]).to.deep.equal([0, true]);
  });

  it('a signal after the answer - changes nothing any more', async () => {
    const opened = open();
    say(acceptHello(answer));
    controller.abort();
    clock.advance(0);
    expect(await opened).to.deep.include(answer);
    expect(port.closed).to.equal(false);
  });

  it('a payload that cannot be encoded - rejects ERR_UNENCODABLE, with nothing said and the link closed', async () => {
    const extras: Record<string, unknown> = {};
    extras['self'] = extras;
    expect(await open({ ...hello, extras }))
      .to.be.instanceOf(BusError)
      .with.property('code', 'ERR_UNENCODABLE');
    expect([server.size, port.closed]).to.deep.equal([0, true]);
  });
});
