import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { addClient } from '../../lib/cli/client.ts';
import { addCompletion } from '../../lib/cli/completion.ts';
import { addDispatch } from '../../lib/cli/dispatch.ts';
import { BusError, type Server } from '../../lib/index.ts';
import { until } from '../support/buses.ts';
import type { Outcome } from '../support/command.ts';
import { cli } from './dispatch-process.ts';
import { FolderBus } from './folder-bus.ts';
import { inProcess } from './in-process.ts';

const busbar = (...args: string[]): Promise<Outcome> => inProcess(addClient, args).outcome;

describe('busbar ping, send, request and listen', () => {
  let bus: FolderBus;
  let folder: string;
  let path: string;
  let server: Server;

  beforeEach(async () => {
    bus = new FolderBus({ authorize: (payload) => payload !== 'no' });
    ({ folder, path, server } = bus);
    await server.start();
  });

  afterEach(() => bus.close());

  it('data - goes out as JSON and comes back as a line of JSON', async () => {
    const heard: unknown[] = [];
    server.on('message', (message) => void heard.push(message));
    server.handle((question) => ({ question, large: 2n ** 70n, bytes: new Uint8Array([1, 2]) }));
    expect(await busbar('send', path, '{"a":[1,null]}')).to.deep.equal({ code: 0, stdout: '', stderr: '' });
    expect(await busbar('send', `unix:${path}`, '"b"', '--confirm')).to.deep.include({ code: 0, stderr: '' });
    expect(heard).to.deep.equal([{ a: [1, null] }, 'b']);
    const answer = await busbar('request', path, '-1');
    expect(answer).to.deep.equal({
      code: 0,
      stdout: '{"question":-1,"large":"1180591620717411303424","bytes":{"base64":"AQI="}}\n',
      stderr: '',
    });
    server.handle(() => {});
    expect((await busbar('request', path, '1')).stdout).to.equal('null\n');
    expect((await busbar('ping', path)).stdout).to.match(/^\d+\n$/);
  });

  it('standard input - is the data of -', async () => {
    server.handle((question) => question);
    const child = spawn(process.execPath, [cli, 'request', path, '-'], { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.end('{"text":"\\u001b[2J\\n"}\n');
    let told = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (told += text));
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect([code, told]).to.deep.equal([0, '{"text":"\\u001b[2J\\n"}\n']);
  });

  it('listen - tells messages until as many have come, a signal, or the end of the server', async () => {
    const counted = inProcess(addClient, ['listen', path, '--count', '2', '--payload', '{"name":"shell"}']);
    await until(() => server.connections.length === 1);
    for (const message of [{ one: 1 }, '\u001b[31mred\u202e']) await server.broadcast(message);
    expect(await counted.outcome).to.deep.equal({
      code: 0,
      stdout: '{"one":1}\n"\\u001b[31mred\\u202e"\n',
      stderr: '',
    });
    await until(() => server.connections.length === 0);
    const stopped = inProcess(addClient, ['listen', path]);
    await server.broadcast('none');
    await until(() => server.connections.length === 1);
    await server.broadcast(2);
    await until(() => stopped.said.stdout !== '');
    stopped.stop();
    expect(await stopped.outcome).to.deep.equal({ code: 0, stdout: '2\n', stderr: '' });
    await until(() => server.connections.length === 0);
    const left = inProcess(addClient, ['listen', path]);
    await until(() => server.connections.length === 1);
    await server.close();
    expect((await left.outcome).code).to.equal(0);
  });

  it('failures - are { code, message } on stderr, with an exit code each', async () => {
    server.handle((question) => {
      if (question === 'late') return new Promise(() => {});
      throw new BusError('OUT_OF_STOCK', 'no \u001b[2J hats');
    });
    const cases: readonly (readonly [code: number, text: string, ...args: string[]])[] = [
      [1, '{"code":"OUT_OF_STOCK","message":"no \\u001b[2J hats"}', 'request', path, '1'],
      [1, '"code":"ERR_UNAUTHORIZED"', 'ping', path, '--payload', '"no"'],
      [1, '"code":"ERR_NO_HANDLER"', 'send', path, '1', '--confirm'],
      [2, 'the data is not JSON', 'send', path, '{'],
      [2, '--payload', 'ping', path, '--payload', '{'],
      [2, '--timeout', 'ping', path, '--timeout', '1.5'],
      [2, "missing required argument 'data'", 'send', path],
      [2, 'too many arguments', 'ping', path, 'b'],
      [2, 'needs a port or a scheme', 'ping', 'nonsense'],
      [2, 'a memory address cannot be reached from a shell', 'ping', 'memory:a'],
      [2, "unknown command 'pingg'", 'pingg'],
      [3, '"code":"ERR_CONNECT"', 'ping', join(folder, 'nobody.sock')],
      [3, '"code":"ERR_CONNECT"', 'ping', '127.0.0.1:1'],
      [4, '"code":"ERR_TIMEOUT"', 'request', path, '"late"', '--timeout', '100'],
    ];
    for (const [code, text, ...args] of cases) {
      const outcome = await busbar(...args);
      expect([outcome.code, outcome.stdout], `${args.join(' ')}: ${outcome.stderr}`).to.deep.equal([code, '']);
      expect(outcome.stderr, args.join(' '))
        .to.include(text)
        .and.to.match(/^[^\n]+\n$/);
    }
  });

  it('help - is told of each, with its exit codes', async () => {
    for (const name of ['ping', 'send', 'request', 'listen']) {
      const { code, stdout } = await busbar(name, '--help');
      expect([code, stdout]).to.deep.equal([0, stdout]);
      expect(stdout).to.include(`usage: busbar ${name} `).and.to.include('--payload').and.to.include('4 timeout');
    }
  });
});

describe('busbar completion', () => {
  const add = (program: Parameters<typeof addClient>[0]): void => {
    addClient(program);
    addDispatch(program);
    addCompletion(program);
  };
  const scriptOf = async (shell: string): Promise<string> =>
    (await inProcess(add, ['completion', shell]).outcome).stdout;

  it('bash - completes commands, their options, and files', async () => {
    const script = await scriptOf('bash');
    const completed = (...words: string[]): string[] => {
      const line = words.map((word) => `'${word}'`).join(' ');
      const program = `${script}\nCOMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _busbar; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return spawnSync('bash', ['-c', program], { encoding: 'utf8' }).stdout.trim().split('\n');
    };
    expect(completed('busbar', 'p')).to.deep.equal(['ping']);
    expect(completed('busbar', 'request', '--')).to.deep.equal(['--payload', '--timeout', '--help']);
    expect(completed('busbar', 'dispatch', '--tls')).to.deep.equal(['--tls-key', '--tls-cert']);
    expect(completed('busbar', 'completion', '')).to.deep.equal(['bash', 'zsh', '--help']);
    expect(completed('busbar', 'ping', 'unix')).to.deep.equal(['']);
  });

  it('zsh - has a script that zsh takes, with each command in it', async function () {
    const script = await scriptOf('zsh');
    for (const name of ['ping', 'dispatch', 'completion']) expect(script).to.match(new RegExp(`^ {4}${name}\\) `, 'm'));
    const { status, stderr, error } = spawnSync('zsh', ['-n'], { input: script, encoding: 'utf8' });
    if (error !== undefined) this.skip();
    expect([status, stderr]).to.deep.equal([0, '']);
  });
});
