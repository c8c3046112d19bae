import { build, stop } from 'esbuild';
import { root } from '../support/repository.ts';

export interface Bundle {
  readonly code: Uint8Array;
  readonly warnings: readonly string[];
}

/**
 * What a page loads for `source`, which may import `busbar/browser` and the other entries for pages. The names in `define`
 * are replaced by expressions.
 */
export async function bundle(source: string, define: Readonly<Record<string, string>> = {}): Promise<Bundle> {
  const result = await build({
    stdin: { contents: source, resolveDir: root },
    absWorkingDir: root,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    legalComments: 'none',
    define: { ...define },
    write: false,
    logLevel: 'silent',
  });
  // Its service would keep the process alive.
  await stop();
  return {
    code: result.outputFiles[0]?.contents ?? new Uint8Array(0),
    warnings: result.warnings.map(({ text }) => text),
  };
}
