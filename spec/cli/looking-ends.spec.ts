import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { addRecord } from '../../lib/cli/inspect/record.ts';
import { addTap } from '../../lib/cli/inspect/tap.ts';
import { addTop } from '../../lib/cli/inspect/top.ts';
import { Client, type Server } from '../../lib/index.ts';
import type { Program } from '../../lib/cli/program.ts';
import { until } from '../support/buses.ts';
import { recordingHead } from '../../lib/cli/inspect/recording.ts';
import { cli } from './dispatch-process.ts';
import { FolderBus } from './folder-bus.ts';
import { inProcess } from './in-process.ts';

const add = (program: Program): void => {
  for (const command of [addTap, addTop, addRecord]) command(program);
};

const hasSome = (recording: string): boolean =>
  existsSync(recording) && statSync(recording).size > recordingHead().length;

describe('commands that look at a server', () => {
  let bus: FolderBus;
  let folder: string;
  let path: string;
  let server: Server;

  beforeEach(async () => {
    bus = new FolderBus();
    ({ folder, path, server } = bus);
    server.on('message', () => {});
    await server.start();
  });

  afterEach(() => bus.close());

  it('a server that goes - is an error, so that what was begun does not look complete', async () => {
    const file = join(folder, 'recording');
    const client = await new Client({ path }).connect();
    const runs = [inProcess(add, ['tap', path]), inProcess(add, ['record', path, file])];
    await until(async () => {
      await client.send('x');
      return runs[0]?.said.stdout.includes('"x"') === true && hasSome(file);
    });
    await client.close();
    await server.close();
    for (const { outcome } of runs) {
      const { code, stderr } = await outcome;
      expect([code, stderr.includes('ERR_CLOSED')]).to.deep.equal([1, true]);
    }
  });

  it('record - leaves no file where nobody is', async () => {
    const file = join(folder, 'recording');
    const { outcome } = inProcess(add, ['record', join(folder, 'nobody'), file]);
    expect((await outcome).code).to.equal(3);
    expect(existsSync(file)).to.equal(false);
  });

  it('replay - ends with 1 where requests failed', async () => {
    const file = join(folder, 'recording');
    const recording = inProcess(add, ['record', path, file]);
    server.handle((data) => data);
    const client = await new Client({ path }).connect();
    await until(async () => {
      await client.request('x');
      return hasSome(file);
    });
    await client.close();
    recording.stop();
    expect((await recording.outcome).code).to.equal(0);
    server.handle(undefined);
    const { code, stdout } = await inProcess(add, ['replay', file, '--to', path, '--speed', '0']).outcome;
    const { requests, failed } = JSON.parse(stdout) as { requests: number; failed: number };
    expect(requests).to.be.greaterThan(0);
    expect([failed, code]).to.deep.equal([requests, 1]);
  });

  it('tap - ends when nobody reads it any more', async () => {
    const client = await new Client({ path }).connect();
    const sending = setInterval(() => void client.send('x'), 10);
    const child = spawn(process.execPath, [cli, 'tap', path], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(child.stdout, 'data');
    child.stdout.destroy();
    expect((await once(child, 'exit'))[0]).to.equal(0);
    clearInterval(sending);
    await client.close();
  });

  it('top - shows what a server says of itself on lines of its own, whatever it is', async () => {
    const own = Object.getOwnPropertyDescriptor(process, 'pid');
    Object.defineProperty(process, 'pid', { ...own, value: '1\u001b]0;title\u0007\nanother line' });
    try {
      const { code, stdout } = await inProcess(add, ['top', path]).outcome;
      expect(code).to.equal(0);
      expect(stdout).to.contain('title').and.not.contain('\u001b');
      expect(stdout.split('\n').filter((line) => line.startsWith('another'))).to.deep.equal([]);
    } finally {
      if (own !== undefined) Object.defineProperty(process, 'pid', own);
    }
  });
});
