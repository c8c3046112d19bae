import { readFileSync } from 'node:fs';
import { entries, pageEntries, program } from './scripts/entries.mjs';

const { imports } = JSON.parse(readFileSync(new URL('lib/package.json', import.meta.url), 'utf8'));
const inPages = Object.values(imports).map((seam) => seam.browser.replace(/^\.\/|\.js$/g, ''));
const modules = [...Object.values(entries), ...Object.values(pageEntries), ...inPages, program];

/** Finds what of lib/ nobody uses: files, values and dependencies. Types may be there for their name. */
export default {
  entry: [
    ...modules.map((name) => `lib/${name}.ts`),
    'lib/cli/inspect/page/page.ts',
    '{spec,bench,examples,site}/**/*.ts',
    '!examples/nestjs/**',
    'scripts/*.{mjs,cjs}',
  ],
  project: ['lib/**'],
  exclude: ['types', 'binaries'],
  ignoreExportsUsedInFile: true,
  // Run by the path of their program.
  ignoreDependencies: ['@arethetypeswrong/cli', 'c8'],
};
