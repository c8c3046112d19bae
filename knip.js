import { entries, program, standIns } from './scripts/entries.mjs';

const modules = [...Object.values(entries), program, ...Object.values(standIns)];

/** Finds what of lib/ nobody uses: files, values and dependencies. Types may be there for their name. */
export default {
  entry: [...modules.map((name) => `lib/${name}.ts`), '{spec,bench,examples}/**/*.ts', 'scripts/*.{mjs,cjs}'],
  project: ['lib/**'],
  exclude: ['types', 'binaries'],
  ignoreExportsUsedInFile: true,
  // Run by the path of their program.
  ignoreDependencies: ['@arethetypeswrong/cli', 'c8'],
};
