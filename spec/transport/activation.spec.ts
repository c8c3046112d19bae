import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server as NetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { Client, notifySystemd } from '../../lib/index.ts';
import { until } from '../support/buses.ts';
import { command } from '../support/command.ts';
import { root } from '../support/repository.ts';

const library = JSON.stringify(pathToFileURL(join(root, 'build/lib/index.js')).href);
const has = (program: string): boolean => existsSync(`/usr/bin/${program}`);

describe('sockets of systemd', function () {
  let folder: string;
  let path: string;
  let ends: (() => unknown)[];

  before(function () {
    if (process.platform !== 'linux') this.skip();
  });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bb-'));
    path = join(folder, 's');
    ends = [];
  });

  afterEach(async () => {
    for (const end of ends.reverse()) await end();
    rmSync(folder, { recursive: true, force: true });
  });

  async function listen(
    where: { readonly port: number; readonly host: string } | { readonly path: string },
  ): Promise<{ fd: number; server: NetServer }> {
    const server = createServer().listen(where);
    await once(server, 'listening');
    ends.push(() => server.close());
    return { fd: (server as unknown as { _handle: { fd: number } })._handle.fd, server };
  }

  /** A program that has two sockets as systemd hands them, started anew by `again`. */
  function program(
    port: number,
    fds: readonly number[],
    pid = '$$',
  ): { said: () => string; stop: () => Promise<unknown> } {
    const file = join(folder, 'program.mjs');
    writeFileSync(
      file,
      `import { execFileSync } from 'node:child_process';
      import { Server } from ${library};
      const answer = () => process.pid;
      const servers = [{ port: ${port} }, { path: ${JSON.stringify(path)} }].map((where) => new Server(where).handle(answer));
      process.on('SIGTERM', async () => {
        for (const server of servers) await server.close(true);
        process.exit();
      });
      for (const server of servers)
        await server.start().then(() => console.log('started'), ({ code }) => console.log(code));
      console.log('env', execFileSync('sh', ['-c', 'echo $LISTEN_FDS$LISTEN_PID$LISTEN_FDNAMES']).toString().trim(), 'end');`,
    );
    const child = spawn(
      'sh',
      ['-c', `LISTEN_PID=${pid} LISTEN_FDS=2 LISTEN_FDNAMES=a:b exec ${process.execPath} ${file}`],
      {
        stdio: ['ignore', 'pipe', 'inherit', ...fds],
      },
    );
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (some: string) => (text += some));
    const exited = once(child, 'exit');
    ends.push(() => child.kill('SIGKILL'));
    return {
      said: () => text,
      stop: async () => {
        child.kill('SIGTERM');
        await exited;
      },
    };
  }

  it('servers of that port and path - take them, one process after the other, and their children get nothing', async () => {
    const tcp = await listen({ host: '127.0.0.1', port: 0 });
    const unix = await listen({ path });
    const { port } = tcp.server.address() as { port: number };
    const first = program(port, [tcp.fd, unix.fd]);
    await until(() => first.said().includes('end'));
    expect(first.said()).to.equal('started\nstarted\nenv  end\n');
    const clients = [{ port }, { path }].map((where) => new Client({ ...where, retries: 100, maxRetryTime: 100 }));
    ends.push(() => Promise.all(clients.map((client) => client.close())));
    // What keeps the sockets here accepts too, which systemd does not: whoever comes there comes again.
    for (const { server } of [tcp, unix]) server.on('connection', (socket) => socket.destroy());
    await Promise.all(clients.map((client) => client.connect()));
    const [before] = await Promise.all(clients.map((client) => client.request(0, { idempotent: true })));
    const stopping = first.stop();
    const next = program(port, [tcp.fd, unix.fd]);
    await stopping;
    await until(() => next.said().includes('end'));
    const after = await Promise.all(clients.map((client) => client.request(0, { idempotent: true })));
    expect(new Set(after).size).to.equal(1);
    expect(after[0]).to.not.equal(before);
    expect(existsSync(path)).to.equal(true);
  });

  it('those of another process - are not taken', async () => {
    const tcp = await listen({ host: '127.0.0.1', port: 0 });
    const unix = await listen({ path });
    const { port } = tcp.server.address() as { port: number };
    const stranger = program(port, [tcp.fd, unix.fd], '1');
    await until(() => stranger.said().includes('end'));
    expect(stranger.said()).to.match(/^ERR_ADDRESS_IN_USE\nERR_ADDRESS_IN_USE\n/);
  });

  it('systemd-socket-activate itself - starts a server with the first client, who is served', async function () {
    if (!has('systemd-socket-activate')) this.skip();
    const file = join(folder, 'served.mjs');
    writeFileSync(
      file,
      `import { Server } from ${library};
      const server = await new Server({ path: ${JSON.stringify(path)} }).handle((text) => text.toUpperCase()).start();
      server.on('disconnect', () => server.close());`,
    );
    const child = spawn('systemd-socket-activate', ['-l', path, process.execPath, file], { stdio: 'ignore' });
    ends.push(() => child.kill('SIGKILL'));
    const exited = once(child, 'exit');
    await until(() => existsSync(path));
    const client = await new Client({ path, handshakeTimeoutMs: 30_000 }).connect();
    expect(await client.request('hello')).to.equal('HELLO');
    await client.close();
    expect((await exited)[0]).to.equal(0);
  });

  it('notifySystemd - tells it by systemd-notify, and resolves false where nobody waits', async function () {
    if (!has('systemd-notify') || (await command('python3', ['-c', '1']).catch(() => undefined))?.code !== 0)
      this.skip();
    expect(await notifySystemd()).to.equal(false);
    const receiver = spawn(
      'python3',
      [
        '-c',
        `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('bound', flush=True)
while True: print(s.recv(4096).decode().strip(), flush=True)`,
        join(folder, 'notify'),
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    ends.push(() => receiver.kill('SIGKILL'));
    let heard = '';
    receiver.stdout.setEncoding('utf8').on('data', (text: string) => (heard += text));
    await until(() => heard.includes('bound'));
    process.env['NOTIFY_SOCKET'] = join(folder, 'notify');
    try {
      const told = await notifySystemd();
      await until(() => heard.includes('READY=1'));
      process.env['NOTIFY_SOCKET'] = join(folder, 'nobody');
      const untold = await notifySystemd('STOPPING=1');
      expect([told, untold]).to.deep.equal([true, false]);
    } finally {
      delete process.env['NOTIFY_SOCKET'];
    }
  });
});
