import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { Browser } from 'playwright-core';
import { complaints, hasChromium, launch, servePage } from '../../browser/browser-page.ts';
import { ToolProject } from './tool-project.ts';

type Format = 'es' | 'cjs';

/** How a tool makes `out/`, from `entry`, of a Node program or of a page; `external`: what is installed is left out. */
interface Tool {
  readonly name: string;
  readonly packages: readonly string[];
  node(project: ToolProject, entry: string, format: Format, external: boolean): ReturnType<ToolProject['run']>;
  page(project: ToolProject, entry: string): ReturnType<ToolProject['run']>;
}

const ending = (format: Format): string => (format === 'es' ? 'mjs' : 'cjs');

const esbuild: Tool = {
  name: 'esbuild',
  packages: ['esbuild@0.28'],
  node: (project, entry, format, external) =>
    project.run(
      'esbuild',
      entry,
      '--bundle',
      '--platform=node',
      `--format=${format === 'es' ? 'esm' : 'cjs'}`,
      ...(external ? ['--packages=external'] : []),
      `--outfile=out/main.${ending(format)}`,
    ),
  page: (project, entry) =>
    project.run('esbuild', entry, '--bundle', '--minify', '--format=iife', '--outfile=out/main.js'),
};

const rollup: Tool = {
  name: 'rollup',
  packages: ['rollup@4', '@rollup/plugin-node-resolve', '@rollup/plugin-commonjs', '@rollup/plugin-terser'],
  node: (project, entry, format, external) => {
    const plugins = external ? '' : 'resolve({ preferBuiltins: true }), commonjs()';
    project.write(
      'rollup.config.mjs',
      `import commonjs from '@rollup/plugin-commonjs'; import resolve from '@rollup/plugin-node-resolve';
export default { input: '${entry}', external: ${external ? '/^(?!\\.|\\/)/' : '/^node:/'}, plugins: [${plugins}],
  output: { file: 'out/main.${ending(format)}', format: '${format}', inlineDynamicImports: true } };`,
    );
    return project.run('rollup', '-c');
  },
  page: (project, entry) => {
    project.write(
      'rollup.config.mjs',
      `import resolve from '@rollup/plugin-node-resolve'; import terser from '@rollup/plugin-terser';
export default { input: '${entry}', plugins: [resolve({ browser: true }), terser()], output: { file: 'out/main.js', format: 'iife' } };`,
    );
    return project.run('rollup', '-c');
  },
};

const webpack: Tool = {
  name: 'webpack',
  packages: ['webpack@5', 'webpack-cli@6'],
  node: (project, entry, format, external) => {
    const externals = external
      ? `externals: [/^busbar/], externalsType: '${format === 'es' ? 'module' : 'commonjs'}',`
      : '';
    project.write(
      'webpack.config.mjs',
      `export default { mode: 'production', target: 'node20', entry: './${entry}', ${externals} experiments: { outputModule: ${format === 'es'} },
  output: { path: process.cwd() + '/out', filename: 'main.${ending(format)}', ${format === 'es' ? 'module: true, chunkFormat: "module"' : ''} } };`,
    );
    return project.run('webpack');
  },
  page: (project, entry) => {
    project.write(
      'webpack.config.mjs',
      `export default { mode: 'production', target: 'web', entry: './${entry}', performance: { hints: false }, output: { path: process.cwd() + '/out', filename: 'main.js' } };`,
    );
    return project.run('webpack');
  },
};

const vite = (version: string): Tool => ({
  name: `Vite ${version}`,
  packages: [`vite@${version}`],
  node: (project, entry, format, external) => {
    project.write(
      'vite.config.mjs',
      `export default { logLevel: 'error', ssr: { ${external ? 'external: true' : 'noExternal: true'} }, build: { ssr: '${entry}', outDir: 'out', minify: false,
  rollupOptions: { output: { format: '${format}', entryFileNames: 'main.${ending(format)}', inlineDynamicImports: true } } } };`,
    );
    return project.run('vite', 'build');
  },
  page: (project, entry) => {
    project.write(
      'vite.config.mjs',
      `export default { logLevel: 'error', build: { outDir: 'out', target: 'es2022', minify: true, lib: { entry: '${entry}', formats: ['iife'], name: 'page', fileName: () => 'main.js' } } };`,
    );
    return project.run('vite', 'build');
  },
});

const tools = [esbuild, rollup, webpack, vite('5'), vite('6'), vite('7'), vite('8')];

/** A Node program that uses all entries, and a bus. */
const program = `import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Server } from 'busbar';
import { channels } from 'busbar/channels';
import { struct } from 'busbar/contract';
import { dispatch } from 'busbar/dispatch';
import { gateway } from 'busbar/gateway';
import { interserve } from 'busbar/interserve';
import { joint } from 'busbar/joint';
import { proxy, remote } from 'busbar/rpc';
import { VirtualClock } from 'busbar/testing';
const all = [channels, struct, dispatch, gateway, interserve, joint, proxy, remote, VirtualClock].every((part) => typeof part === 'function');
const path = join(tmpdir(), 'busbar-' + process.pid);
new Server({ path, compress: true }).start().then(async (server) => {
  server.handle((data) => data + 1);
  const client = await new Client({ path, compress: true }).connect();
  console.log(all && (await client.request(1)) === 2 ? 'right' : 'wrong');
  await client.close();
  await server.close();
});
`;
const pages = {
  'busbar/browser alone': `import { Client } from 'busbar/browser';
globalThis.result = String(new Client({ url: 'ws://127.0.0.1:1/bus' }).status);`,
  'with channels and rpc': `import { Client } from 'busbar/browser';
import { channels } from 'busbar/channels';
import { proxy, remote } from 'busbar/rpc';
const client = new Client({ url: 'ws://127.0.0.1:1/bus' });
globalThis.result = [client.status, typeof client.use(channels()).enter, typeof proxy, typeof remote].join();`,
};
const results = { 'busbar/browser alone': '0', 'with channels and rpc': '0,function,function,function' };
const mostBytes = { 'busbar/browser alone': 25 * 1024, 'with channels and rpc': 45 * 1024 };

describe('bundlers', function () {
  this.timeout(600_000);
  let browser: Browser | undefined;

  before(async () => {
    if (hasChromium) browser = await launch();
  });

  after(() => browser?.close());

  for (const tool of tools) {
    describe(tool.name, () => {
      let project: ToolProject;

      before(async () => {
        project = await ToolProject.create(tool.packages);
        project.write('main.js', program);
        for (const [at, text] of Object.values(pages).entries()) project.write(`page${at}.js`, text);
      });

      after(() => project?.remove());

      for (const format of ['es', 'cjs'] as const) {
        for (const external of [false, true]) {
          it(`a Node program, ${format}, ${external ? 'with packages outside' : 'everything in one file'} - is built and runs`, async () => {
            const { code, stdout, stderr } = await tool.node(project, 'main.js', format, external);
            expect(code, stdout + stderr).to.equal(0);
            const file = `out/main.${ending(format)}`;
            expect(await (external ? project.beside(file) : project.alone(file))).to.equal('right');
          });
        }
      }

      for (const [at, [name, expected]] of Object.entries(results).entries()) {
        it(`a page, ${name} - is built, small, and runs`, async function () {
          const { code, stdout, stderr } = await tool.page(project, `page${at}.js`);
          expect(code, stdout + stderr).to.equal(0);
          const [file = ''] = readdirSync(join(project.folder, 'out')).filter((each) => each.endsWith('.js'));
          const script = readFileSync(join(project.folder, 'out', file));
          const bytes = gzipSync(script, { level: 9 }).length;
          if (this.test !== undefined) this.test.title += ` (${bytes} bytes)`;
          expect(bytes).to.be.at.most(mostBytes[name as keyof typeof mostBytes]);
          if (browser === undefined) return this.skip();
          const { server, url } = await servePage(script.toString(), "'self'");
          const page = await browser.newPage();
          const heard = complaints(page);
          await page.goto(url);
          await page.addScriptTag({ url: `${url}client.js` });
          expect(await page.evaluate('globalThis.result'), heard.join()).to.equal(expected);
          await page.close();
          await server.stopListening();
        });
      }
    });
  }
});
