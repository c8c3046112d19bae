import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { ToolProject } from './tool-project.ts';

const entries = [
  'busbar',
  'busbar/channels',
  'busbar/contract',
  'busbar/dispatch',
  'busbar/gateway',
  'busbar/interserve',
  'busbar/joint',
  'busbar/rpc',
  'busbar/testing',
];
/** What a test of a user does: a message there and an answer back, over a socket. */
const body = `
  const path = join(tmpdir(), 'busbar-' + process.pid + '-' + Math.random().toString(36).slice(2));
  const server = await new Server({ path }).start();
  server.handle((data) => Number(data) + 1);
  const client = await new Client({ path }).connect();
  expect(await client.request(1)).toBe(2);
  await expect(client.request(1, { timeout: -1 })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  await client.close();
  await server.close();`;
const common = `const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { Client, Server } = require('busbar');
for (const entry of ${JSON.stringify(entries)}) test(entry, () => expect(Object.keys(require(entry)).length).toBeGreaterThan(0));
test('a request', async () => {${body}
});
`;
const module = (globals: string): string => `import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Server } from 'busbar';
${globals}
for (const entry of ${JSON.stringify(entries)}) test(entry, async () => expect(Object.keys(await import(entry)).length).toBeGreaterThan(0));
test('a request', async () => {${body}
});
`;

describe('test runners', function () {
  this.timeout(600_000);
  let project: ToolProject | undefined;

  afterEach(() => project?.remove());

  async function passes(run: Promise<{ code: unknown; stdout: string; stderr: string }>, tests: RegExp): Promise<void> {
    const { code, stdout, stderr } = await run;
    expect(code, stdout + stderr).to.equal(0);
    expect(stdout + stderr).to.match(tests);
  }

  for (const version of ['29', '30']) {
    it(`Jest ${version} - loads every entry and runs a bus, from CommonJS and from ES modules`, async () => {
      project = await ToolProject.create([`jest@${version}`], 'commonjs');
      project.write('common.test.js', common);
      project.write('module.test.mjs', module(''));
      const count = entries.length + 1;
      await passes(project.run('jest', 'common.test.js'), new RegExp(`${count} passed`));
      project.write('jest.config.json', '{"testMatch":["**/*.mjs"]}');
      const modules = project.runWith(
        { NODE_OPTIONS: '--experimental-vm-modules' },
        'jest',
        '--config',
        'jest.config.json',
      );
      await passes(modules, new RegExp(`${count} passed`));
    });
  }

  it('ts-jest - compiles a test in TypeScript against the types and runs it', async () => {
    project = await ToolProject.create(
      ['jest@30', 'ts-jest@29', 'typescript@5', '@types/jest@30', '@types/node@22'],
      'commonjs',
    );
    project.write('jest.config.json', '{"preset":"ts-jest"}');
    project.write(
      'tsconfig.json',
      '{"compilerOptions":{"strict":true,"module":"commonjs","target":"es2022","esModuleInterop":true,"skipLibCheck":true}}',
    );
    project.write('common.test.ts', module('').replace(/for \(const entry.*\n/, ''));
    await passes(project.run('jest', '--config', 'jest.config.json'), /1 passed/);
  });

  it('Vitest - loads every entry and runs a bus', async () => {
    project = await ToolProject.create(['vitest@3', 'vite@7']);
    project.write('module.test.js', module("import { expect, test } from 'vitest';"));
    await passes(project.run('vitest', 'run'), new RegExp(`${entries.length + 1} passed`));
  });
});
