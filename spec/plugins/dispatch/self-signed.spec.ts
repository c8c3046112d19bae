import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type Server } from 'node:tls';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { generateKey, selfSign } from '../../../lib/plugins/dispatch/self-signed.ts';
import { command } from '../../support/command.ts';
import { fetchRuntime, sources } from '../../support/runtimes.ts';

const has = (program: string, ...args: string[]): boolean => spawnSync(program, args).status === 0;

const keys: Readonly<Record<string, () => KeyObject>> = {
  'P-256': generateKey,
  'P-384': () => generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
  'P-521': () => generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey,
  'RSA 1024': () => generateKeyPairSync('rsa', { modulusLength: 1_024 }).privateKey,
  'RSA 2048': () => generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey,
};

/** What is not as DER demands: lengths in more bytes than it takes, integers likewise, values that overrun theirs. */
function faultsOf(der: Buffer, from = 0, to = der.length): string[] {
  const faults: string[] = [];
  let at = from;
  while (at < to) {
    const kind = der.readUInt8(at);
    let length = der.readUInt8(at + 1);
    let body = at + 2;
    if (length >= 0x80) {
      const bytes = length - 0x80;
      length = der.readUIntBE(body, bytes);
      body += bytes;
      if (length < 0x80 || length < 2 ** (8 * (bytes - 1))) faults.push(`length ${length} in ${bytes + 1} bytes`);
    }
    if (body + length > to) faults.push(`${body + length - to} bytes too many at ${at}`);
    const [first = 0, second = 0] = der.subarray(body, body + length);
    if (kind === 0x02 && length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) {
      faults.push(`a long integer at ${at}`);
    }
    if ((kind & 0x20) !== 0 && body + length <= to) faults.push(...faultsOf(der, body, body + length));
    at = body + length;
  }
  return faults;
}

describe('self-signed certificate', function () {
  for (const [name, make] of Object.entries(keys)) {
    it(`${name} - each length and number in as few bytes as it takes, whatever is in it`, () => {
      const key = make();
      for (let length = 1; length <= 64; length++) {
        const pem = selfSign(key, 'x'.repeat(length), new Date());
        const { raw } = new X509Certificate(pem);
        expect(faultsOf(raw), `a name of ${length} bytes`).to.deep.equal([]);
      }
    });
  }

  describe('as others read it', () => {
    const key = generateKey();
    const keyPem = String(key.export({ type: 'pkcs8', format: 'pem' }));
    const cert = selfSign(key, 'busbar-dispatch', new Date());
    let folder: string;
    let file: string;
    let server: Server;
    let port: number;

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'busbar-certificate-'));
      file = join(folder, 'cert.pem');
      writeFileSync(file, cert);
      server = createServer({ key: keyPem, cert }, (socket) => {
        socket.on('error', () => undefined).end('hello\n');
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      ({ port } = server.address() as AddressInfo);
    });
    after(async () => {
      server.close();
      await once(server, 'close');
      rmSync(folder, { recursive: true });
    });

    for (const servername of ['localhost', 'busbar-dispatch']) {
      it(`Node - trusts it for ${servername} where it is told to`, async () => {
        const socket = connect({ port, host: '127.0.0.1', ca: cert, servername });
        let heard = '';
        for await (const text of socket.setEncoding('utf8')) heard += String(text);
        expect([socket.authorized, heard]).to.deep.equal([true, 'hello\n']);
      });
    }

    it('OpenSSL - reads and verifies it', async function () {
      if (!has('openssl', 'version')) return this.skip();
      const { stdout } = await command('openssl', ['verify', '-x509_strict', '-CAfile', file, file]);
      expect(stdout).to.include('cert.pem: OK');
    });

    it('GnuTLS - verifies it, and shakes hands', async function () {
      if (!has('gnutls-cli', '--version')) return this.skip();
      const args = [`--x509cafile=${file}`, '--verify-hostname=localhost', '--port', String(port), '127.0.0.1'];
      const { stdout, stderr } = await command('gnutls-cli', args);
      expect(stdout, stderr).to.include('The certificate is trusted').and.include('hello');
    });

    it('Python cryptography - reads it', async function () {
      const program =
        'import sys, cryptography.x509 as x; print(x.load_pem_x509_certificate(open(sys.argv[1],"rb").read()).subject.rfc4514_string())';
      if (!has('python3', '-c', 'import cryptography')) return this.skip();
      const { stdout, stderr } = await command('python3', ['-c', program, file]);
      expect(stdout, stderr).to.equal('CN=busbar-dispatch\n');
    });

    for (const name of ['Bun', 'Deno']) {
      it(`${name} - as a client trusts it where it is told to, and serves with it`, async function () {
        const source = sources.find((each) => each.name === name);
        const runtime = source === undefined ? undefined : await fetchRuntime(source, 30_000);
        if (runtime === undefined) return this.skip();
        const script = join(folder, 'both.mjs');
        writeFileSync(script, both);
        const args = [...runtime.args, script, file, String(port), keyPem];
        const { stdout, stderr } = await command(runtime.program, args, { cwd: folder });
        expect(stdout, stderr).to.equal('hello\nhere too\n');
      });
    }
  });
});

/** Dials the server outside, then one of its own, and prints what it hears. */
const both = `
import { connect, createServer } from 'node:tls';
import { readFileSync } from 'node:fs';
const [file, port, key] = process.argv.slice(2);
const cert = readFileSync(file);
const hear = (to) => new Promise((resolve, reject) => {
  const socket = connect({ port: to, host: '127.0.0.1', ca: cert, servername: 'localhost' });
  let text = '';
  socket.on('error', reject).on('data', (part) => (text += part)).on('end', () => { socket.destroy(); resolve(text); });
});
const outside = await hear(Number(port));
const server = createServer({ key, cert }, (socket) => socket.on('error', () => {}).end('here too\\n'));
server.listen(0, '127.0.0.1', async () => {
  console.log(outside.trim());
  console.log((await hear(server.address().port)).trim());
  process.exit();
});
`;
