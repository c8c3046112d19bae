import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CompilerState, Extractor, ExtractorConfig } from '@microsoft/api-extractor';
import { entries } from './entries.mjs';
import { root } from './install.mjs';

const folder = join(root, 'build/api');

/** By name in docs/api/: the public surface of each entry, as its declarations in dist/ have it. */
export function apiReports() {
  mkdirSync(folder, { recursive: true });
  const configs = Object.keys(entries).map((name) => [name, configOf(name)]);
  const [[, first], ...others] = configs;
  const additionalEntryPoints = others.map(([, config]) => config.mainEntryPointFilePath);
  const compilerState = CompilerState.create(first, { additionalEntryPoints });
  return Object.fromEntries(
    configs.map(([name, config]) => {
      const messageCallback = (message) => {
        message.handled = message.logLevel !== 'error';
      };
      const { errorCount } = Extractor.invoke(config, { compilerState, localBuild: true, messageCallback });
      if (errorCount > 0) throw new Error(`The API report of ${name} failed.`);
      return [`${name}.api.md`, readFileSync(config.reportFilePath, 'utf8')];
    }),
  );
}

function configOf(name) {
  const off = { enabled: false };
  const silent = { default: { logLevel: 'none' } };
  const mainEntryPointFilePath = join(root, 'dist', `${name}.d.ts`);
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2023', 'dom'],
    module: 'nodenext',
    types: ['node'],
    strict: true,
    skipLibCheck: true,
  };
  return ExtractorConfig.prepare({
    packageJsonFullPath: join(root, 'package.json'),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath,
      newlineKind: 'lf',
      compiler: { overrideTsconfig: { compilerOptions, files: [mainEntryPointFilePath] } },
      apiReport: {
        enabled: true,
        reportFileName: `${name}.api.md`,
        reportFolder: folder,
        reportTempFolder: join(folder, 'new'),
        // Such as the classes that those of an entry extend.
        includeForgottenExports: true,
      },
      docModel: off,
      dtsRollup: off,
      tsdocMetadata: off,
      messages: {
        compilerMessageReporting: { default: { logLevel: 'error' } },
        extractorMessageReporting: silent,
        tsdocMessageReporting: silent,
      },
    },
  });
}
