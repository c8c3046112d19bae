import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credsAuthenticator, nkeyAuthenticator, nkeys } from '@nats-io/transport-node';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import type { BusError } from '../../../lib/index.ts';
import type { NatsOptions } from '../../../lib/plugins/cluster/index.ts';
import { until } from '../../support/buses.ts';
import { certificate } from '../../support/certificate.ts';
import { Nats, natsServer } from '../../support/nats-server.ts';
import { freePort } from '../../support/nginx.ts';
import { Galaxy } from './galaxy.ts';

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'resolved',
    ({ code }: BusError) => code,
  );

const part = (value: object | Uint8Array): string =>
  Buffer.from(value instanceof Uint8Array ? value : JSON.stringify(value)).toString('base64url');

type Key = ReturnType<typeof nkeys.createUser>;

/** What operators give accounts, and accounts give users. */
function token(issuer: Key, subject: Key, nats: object): string {
  const claims = { jti: subject.getPublicKey(), iat: 1_700_000_000, iss: issuer.getPublicKey(), name: 'spec' };
  const head = part({ typ: 'JWT', alg: 'ed25519-nkey' });
  const signed = `${head}.${part({ ...claims, sub: subject.getPublicKey(), nats: { version: 2, ...nats } })}`;
  return `${signed}.${part(issuer.sign(Buffer.from(signed)))}`;
}

(natsServer === undefined ? describe.skip : describe)('access to NATS', () => {
  const ends: (() => Promise<unknown> | void)[] = [];

  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  function file(name: string, text: string | Uint8Array): string {
    const folder = mkdtempSync(join(tmpdir(), 'busbar-nats-'));
    ends.push(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  }

  async function start(...args: string[]): Promise<{ nats: Nats; galaxy: Galaxy }> {
    const nats = await Nats.start(...args);
    ends.push(() => nats.kill());
    const galaxy = new Galaxy(nats);
    ends.push(() => galaxy.end());
    return { nats, galaxy };
  }

  /** Two nodes come in with `right`, and one with `wrong` does not; its own clients are served all the same. */
  async function admits(args: readonly string[], right: NatsOptions, wrong: NatsOptions): Promise<void> {
    const { nats, galaxy } = await start(...args);
    const refused = galaxy.make('eu-3', { nats: { servers: nats.url, ...wrong } });
    await refused.server.start();
    expect(await codeOf(refused.world.ready)).to.equal('ERR_UNAUTHORIZED');
    expect(refused.world.status).to.equal('refused');
    expect(refused.errors).to.deep.equal(['ERR_UNAUTHORIZED']);
    expect(await (await galaxy.client(refused)).ping()).to.be.a('number');
    const a = await galaxy.star('eu-1', { nats: { servers: nats.url, ...right } });
    const b = await galaxy.star('eu-2', { nats: { servers: nats.url, ...right } });
    a.world.handle((data, { from }) => [data, from]);
    await until(() => b.world.nodes.some(({ id }) => id === 'eu-1'));
    expect(await b.world.peer('eu-1').request('hello')).to.deep.equal(['hello', 'eu-2']);
  }

  it('user and password', () =>
    admits(['--user', 'game', '--pass', 'right'], { user: 'game', pass: 'right' }, { user: 'game', pass: 'wrong' }));

  it('a token', () => admits(['--auth', 'right'], { token: 'right' }, { token: 'wrong' }));

  it('an nkey', async () => {
    const [known, unknown] = [nkeys.createUser(), nkeys.createUser()];
    const config = file('nkey.conf', `authorization { users: [{ nkey: ${known.getPublicKey()} }] }`);
    const by = (key: Key): NatsOptions => ({ authenticator: nkeyAuthenticator(key.getSeed()) });
    await admits(['-c', config], by(known), by(unknown));
  });

  it('a credentials file', async () => {
    const [operator, account, user, other] = [
      nkeys.createOperator(),
      nkeys.createAccount(),
      nkeys.createUser(),
      nkeys.createAccount(),
    ];
    const all = { subs: -1, data: -1, payload: -1 };
    const limits = { ...all, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };
    const accountToken = token(operator, account, { type: 'account', limits });
    const config = file(
      'operator.conf',
      [
        `operator: ${token(operator, operator, { type: 'operator' })}`,
        'resolver: MEMORY',
        `resolver_preload: { ${account.getPublicKey()}: ${accountToken} }`,
      ].join('\n'),
    );
    const by = (issuer: Key): NatsOptions => {
      const jwt = token(issuer, user, { type: 'user', pub: {}, sub: {}, ...all });
      const seed = Buffer.from(user.getSeed()).toString();
      const lines = ['-----BEGIN NATS USER JWT-----', jwt, '------END NATS USER JWT------', ''];
      lines.push('-----BEGIN USER NKEY SEED-----', seed, '------END USER NKEY SEED------', '');
      return { authenticator: credsAuthenticator(Buffer.from(lines.join('\n'))) };
    };
    await admits(['-c', config], by(account), by(other));
  });

  it('TLS - carries nodes that trust the certificate, and one that does not goes on trying', async () => {
    const [cert, key] = [file('cert.pem', certificate.cert), file('key.pem', certificate.key)];
    const { nats, galaxy } = await start('--tls', '--tlscert', cert, '--tlskey', key);
    const servers = `tls://127.0.0.1:${nats.port}`;
    const tls = { ca: certificate.cert.toString() };
    const doubter = galaxy.make('eu-3', { nats: { servers, tls: {} }, joinTimeoutMs: 500 });
    await doubter.server.start();
    expect(await codeOf(doubter.world.ready)).to.equal('ERR_CLUSTER_UNREACHABLE');
    const a = await galaxy.star('eu-1', { nats: { servers, tls } });
    const b = await galaxy.star('eu-2', { nats: { servers, tls } });
    a.world.handle((data) => data);
    expect(await b.world.peer('eu-1').request('sealed')).to.equal('sealed');
  });

  it('several servers - a node goes over to another one when its own is killed, and nothing is lost', async () => {
    const [first, second] = [await freePort(), await freePort()];
    const cluster = (own: number, other: number): string[] => [
      '--cluster_name=spec',
      `--cluster=nats://127.0.0.1:${own}`,
      `--routes=nats://127.0.0.1:${other}`,
    ];
    const { nats: one, galaxy } = await start(...cluster(first, second));
    const { nats: other } = await start(...cluster(second, first));
    const by = (...servers: string[]) => ({ nats: { servers, noRandomize: true } });
    const a = await galaxy.star('eu-1', by(one.url, other.url));
    const b = await galaxy.star('eu-2', by(other.url, one.url));
    await until(() => a.world.nodes[1]?.state === 'up' && b.world.nodes[1]?.state === 'up');
    const got: unknown[] = [];
    b.world.on('message', (data) => void got.push(data));
    for (let nth = 0; nth < 100; nth++) {
      if (nth === 50) await one.kill();
      await a.world.peer('eu-2').send(nth);
    }
    await until(() => got.length === 100);
    expect(got).to.deep.equal([...Array(100).keys()]);
    await until(() => a.world.status === 'joined');
    for (const { heard } of [a, b]) expect(heard.filter((said) => said.endsWith('dead'))).to.deep.equal([]);
  });

  it('a server that is too old - is ERR_INCOMPATIBLE', async () => {
    const info = { server_id: 'old', version: '2.8.4', proto: 1, headers: true, max_payload: 1_048_576 };
    const old = createServer((socket) => {
      socket.on('error', () => {});
      socket.write(`INFO ${JSON.stringify(info)}\r\n`);
      socket.on('data', (data) => data.includes('PING') && socket.write('PONG\r\n'));
    });
    const port = await freePort();
    await new Promise<void>((resolve) => void old.listen(port, '127.0.0.1', resolve));
    ends.push(() => new Promise((resolve) => void old.close(resolve)));
    const { galaxy } = await start();
    const made = galaxy.make('eu-1', { nats: { servers: `nats://127.0.0.1:${port}` } });
    await made.server.start();
    expect(await codeOf(made.world.ready)).to.equal('ERR_INCOMPATIBLE');
    expect(await (await galaxy.client(made)).ping()).to.be.a('number');
  });
});
